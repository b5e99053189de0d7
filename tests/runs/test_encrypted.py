"""Everything that can be encrypted or signed is, at once: by flowrun for joserfc, which the sandbox uses, and back."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

SCENARIO = """
scenario: Request, answer, id_token and userinfo are JWTs
authorization:
  scope: openid
  response_mode: {mode}
  acr_values: [loa2, loa1]
  prompt: [login, consent]
  max_age: 300
  login_hint: alice
  claims: {{userinfo: {{name: null}}}}
steps:
  - discover
  - sign: request_object
    expect:
      encrypted.alg: {alg}
      encrypted.enc: {enc}
      encrypted.cty: JWT
      claims.acr_values: loa2 loa1
      claims.prompt: login consent
      claims.max_age: 300
      claims.claims: {{equals: {{userinfo: {{name: null}}}}}}
  - push
  - browse: {{user: alice, answers: {{consent: approve}}}}
    expect:
      code: {{is: present}}
      response_claims.aud: flowrun-example
      response_encrypted.alg: {{is: present}}
  - exchange:
    expect:
      id_token_encrypted.alg: {{is: present}}
      id_token_header.alg: {signed}
  - userinfo:
    expect: {{name: {{is: present}}, http.headers.content-type: {{contains: application/jwt}}}}
"""


@pytest.mark.parametrize(
    ("mode", "alg", "enc", "signed"),
    [
        ("query.jwt", "RSA-OAEP-256", "A256GCM", "PS256"),
        ("fragment.jwt", "RSA-OAEP", "A128CBC-HS256", "RS256"),
        ("form_post.jwt", "RSA-OAEP-256", "A256CBC-HS512", "ES256"),
    ],
)
def test_all_of_it_at_once(flowrun_by_http, environment, scenario, repo, mode, alg, enc, signed):
    keys = repo / "keys.example"
    client = {
        "client_id": "flowrun-example",
        "redirect_uri": "https://app.flowrun.example/callback",
        "auth": "private_key_jwt",
        "sender_constraint": "none",
        "request_object": {"encrypt": {"alg": alg, "enc": enc}},
        "id_token": {"alg": signed, "encrypt": True},
        "userinfo": {"signed": True},
        "keys": {
            "signing": {"file": str(keys / "client-signing.pem"), "kid": "flowrun-example-1"},
            "encryption": {"file": str(keys / "second-signing.pem"), "kid": "ours-for-encryption"},
        },
    }
    file = scenario(SCENARIO.format(mode=mode, alg=alg, enc=enc, signed=signed))
    ran = flowrun_by_http(file, "--env", environment(profile="oauth2", clients={"default": client}))
    assert ran.code == 0, ran.told
