"""Whole runs against the sandbox: it refuses everything that a step tampers with, and says so with the right error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

SECOND = {"like": "default", "client_id": "second", "keys": {"signing": {"file": "SECOND", "kid": "flowrun-example-2"}}}
DPOP = {"like": "default", "client_id": "bound", "sender_constraint": "dpop"}
MTLS = {
    "like": "default",
    "client_id": "bound",
    "sender_constraint": "mtls",
    "certificate": {"file": "REPO/keys.example/tls.pem", "key": "REPO/keys.example/tls.key"},
}
PLAIN = {"like": "default", "client_id": "plain", "request_object": {"required": False}}
OBJECT, CLIENT, REQUEST = "invalid_request_object", "invalid_client", "invalid_request"

# What a push that signs its request object by itself is changed to; the client; the error; what is told.
PUSHED: dict[str, tuple[str, str, str, str]] = {
    "aud wrong": ("set: {claims.aud: https://x.example}", "default", OBJECT, 'claims.aud = "https://x.example"'),
    "exp removed": ("remove: [claims.exp]", "default", OBJECT, "claims.exp removed"),
    "alg none": ("sign: {alg: none}", "default", OBJECT, "signature: alg none"),
    "flipped bit": ("sign: {flip_bit: true}", "default", OBJECT, "signature: one bit of the signature changed"),
    "RS256": ("sign: {alg: RS256}", "default", OBJECT, "signature: alg RS256"),
    "HS256 with the public key": ("sign: {alg: HS256}", "default", OBJECT, "signature: alg HS256"),
    "a key nobody knows": ("sign: {key: fresh}", "default", OBJECT, "signature: the key fresh"),
    "another client's key": ("sign: {key: second}", "default", OBJECT, "signature: the key second"),
    "clock +70s": ("clock: +70s", "default", CLIENT, "iat and nbf and exp as if the clock stood at +70s"),
    "request_uri inside": ("set: {claims.request_uri: urn:x}", "default", OBJECT, 'claims.request_uri = "urn:x"'),
    "redirect_uri moved": (
        "move: {claims.redirect_uri: form}",
        "default",
        REQUEST,
        "claims.redirect_uri moved to form.redirect_uri",
    ),
    "request_uri in the form": ("set: {form.request_uri: urn:x}", "default", REQUEST, 'form.request_uri = "urn:x"'),
    "duplicate field": ("duplicate: [form.scope]", "plain", REQUEST, "form.scope sent twice"),
    "assertion aud": (
        "set: {assertion.claims.aud: https://x.example}",
        "default",
        CLIENT,
        'assertion.claims.aud = "https://x.example"',
    ),
    "assertion without sub": ("remove: [assertion.claims.sub]", "default", CLIENT, "assertion.claims.sub removed"),
    "assertion alg none": (
        "sign: {jwt: assertion, alg: none}",
        "default",
        CLIENT,
        "signature: the client assertion: alg none",
    ),
    "assertion flipped bit": (
        "sign: {jwt: assertion, flip_bit: true}",
        "default",
        CLIENT,
        "signature: the client assertion: one bit of the signature changed",
    ),
    "another client": ("client: second", "default", CLIENT, "the authentication of the client second"),
    "nobody": ("client: none", "default", CLIENT, "no authentication"),
    "unsigned": ("unsigned: true", "default", REQUEST, "plain parameters instead of a request object"),
    "method PUT": ("method: PUT", "default", "", "method PUT instead of POST"),
    "method GET": ("method: GET", "default", "", "method GET instead of POST"),
    "JSON": ("content_type: application/json", "default", "", "content type application/json"),
}


@pytest.fixture
def run(flowrun_by_http, environment, scenario, repo):
    """Run these steps with these clients beside the sandbox's own."""

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(one) for name, one in value.items()}
        second = str(repo / "keys.example" / "second-signing.pem")
        return value.replace("SECOND", second).replace("REPO", str(repo)) if isinstance(value, str) else value

    def go(steps: str, outcome: str = "", *, clients: dict[str, Any] | None = None, **changes: Any) -> Any:
        environment(clients=filled({"second": SECOND, "plain": PLAIN, **(clients or {})}), **changes)
        scenario(f"scenario: Tampered\nauthorization: {{scope: openid accounts}}\nsteps:\n{steps}\n{outcome}\n")
        return flowrun_by_http("scenario.yaml", "--env", "broken")

    return go


def told(ran: Any) -> list[str]:
    """What the report says was tampered with."""
    return [one["value"] for step in ran.scenario["steps"] for one in step["told"] if one["label"] == "tampered"]


@pytest.mark.parametrize("name", PUSHED)
def test_a_push_that_is_tampered_with_is_refused(name, run):
    tamper, client, error, words = PUSHED[name]

    ran = run(
        f"  - discover\n  - push:\n    as: {client}\n    tamper: {{{tamper}}}\n",
        f"outcome: {{refused: {{push: {f'[{error}]' if error else 'any'}}}}}",
    )

    assert (ran.code, ran.problems) == (0, []), ran.out
    assert told(ran) == [words]
    assert "tampered: " in ran.out


@pytest.mark.parametrize("client", ["default", "plain"])
def test_the_same_push_as_it_should_be_is_accepted(client, run):
    ran = run(f"  - discover\n  - push:\n    as: {client}\n")

    assert (ran.code, told(ran)) == (0, []), ran.out


# The same at the token endpoint, by clients whose tokens are bound: none, DPoP, mTLS.
ASKED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "htu of another URL": (
        "set: {proof.claims.htu: https://x.example}",
        DPOP,
        "invalid_dpop_proof",
        'proof.claims.htu = "https://x.example"',
    ),
    "htm of another method": ("set: {proof.claims.htm: GET}", DPOP, "invalid_dpop_proof", 'proof.claims.htm = "GET"'),
    "proof without jti": ("remove: [proof.claims.jti]", DPOP, "invalid_dpop_proof", "proof.claims.jti removed"),
    "proof of another type": ("set: {proof.header.typ: JWT}", DPOP, "invalid_dpop_proof", 'proof.header.typ = "JWT"'),
    "proof with a private part": (
        "set: {proof.header.jwk.d: AAAA}",
        DPOP,
        "invalid_dpop_proof",
        'proof.header.jwk.d = "AAAA"',
    ),
    "proof alg none": (
        "sign: {jwt: proof, alg: none}",
        DPOP,
        "invalid_dpop_proof",
        "signature: the DPoP proof: alg none",
    ),
    "proof flipped bit": (
        "sign: {jwt: proof, flip_bit: true}",
        DPOP,
        "invalid_dpop_proof",
        "signature: the DPoP proof: one bit of the signature changed",
    ),
    "no proof": ("remove: [proof]", DPOP, "invalid_dpop_proof", "proof removed"),
    "two proofs": ("duplicate: [proof]", DPOP, "invalid_dpop_proof", "proof sent twice"),
    "not a proof": ("set: {proof: nonsense}", DPOP, "invalid_dpop_proof", 'proof = "nonsense"'),
    "proof of an hour ago": ("clock: -1h", DPOP, "", "iat and nbf and exp as if the clock stood at -1h"),
    "no certificate": ("certificate: none", MTLS, "", "no certificate"),
    "another client": (
        "client: second",
        {"like": "default", "client_id": "bound"},
        "invalid_client",
        "the authentication of the client second",
    ),
    "grant type twice": (
        "duplicate: [form.grant_type]",
        {"like": "default", "client_id": "bound"},
        "invalid_request",
        "form.grant_type sent twice",
    ),
    "GET": ("method: GET", {"like": "default", "client_id": "bound"}, "", "method GET instead of POST"),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_token_request_that_is_tampered_with_is_refused(name, run):
    tamper, client, error, words = ASKED[name]
    sandbox = {"tls": "hosts"} if client is MTLS else {}
    step = "  - discover\n  - exchange: {grant: client_credentials, scope: accounts}\n    as: bound\n"

    healthy = run(step, clients={"bound": client}, sandbox=sandbox)
    ran = run(
        f"{step}    tamper: {{{tamper}}}\n",
        f"outcome: {{refused: {{exchange: {f'[{error}]' if error else 'any'}}}}}",
        clients={"bound": client},
        sandbox=sandbox,
    )

    assert healthy.code == 0, healthy.out
    assert (ran.code, ran.problems) == (0, []), ran.out
    assert told(ran) == [words]


CALLED: dict[str, tuple[str, str, str]] = {
    "proved by another key": (
        "sign: {jwt: proof, key: fresh}",
        "invalid_token",
        "signature: the DPoP proof: the key fresh",
    ),
    "proof signed with RS256": (
        "sign: {jwt: proof, alg: RS256}",
        "invalid_dpop_proof",
        "signature: the DPoP proof: alg RS256",
    ),
    "proof without ath": ("remove: [proof.claims.ath]", "invalid_dpop_proof", "proof.claims.ath removed"),
    "no token": ("remove: [headers.authorization]", "''", "headers.authorization removed"),
    "token in the URL": (
        "move: {headers.authorization: url.access_token}",
        "''",
        "headers.authorization moved to url.access_token",
    ),
}


@pytest.mark.parametrize("name", CALLED)
def test_a_call_with_a_token_that_is_tampered_with_is_refused(name, run):
    tamper, error, words = CALLED[name]
    steps = """
  - discover
  - exchange: {grant: client_credentials, scope: accounts}
    as: bound
  - call: {url: "{{ server.issuer }}/accounts", token: access_token}
    as: bound
"""

    # A token that no person has granted is good there, and not enough.
    healthy = run(steps, "outcome: {refused: {call: [insufficient_scope]}}", clients={"bound": DPOP})
    ran = run(
        f"{steps}    tamper: {{{tamper}}}\n", f"outcome: {{refused: {{call: [{error}]}}}}", clients={"bound": DPOP}
    )

    assert healthy.code == 0, healthy.out
    assert (ran.code, ran.problems) == (0, []), ran.out
    assert told(ran) == [words]


def test_a_code_with_another_verifier_is_refused(run):
    ran = run(
        """
  - discover
  - push
  - browse: {user: alice, answers: {consent: approve}}
  - exchange:
    tamper: {set: {form.code_verifier: "{{ 'a' * 64 }}"}}
""",
        "outcome: {refused: {exchange: [invalid_grant]}}",
    )

    assert (ran.code, ran.problems) == (0, []), ran.out
    assert [name.partition(" =")[0] for name in told(ran)] == ["form.code_verifier"]


def test_a_claim_moves_from_the_request_object_to_the_url_of_the_browser(run):
    ran = run(
        """
  - discover
  - sign: request_object
    tamper: {move: {claims.state: url}}
    expect: {claims.state: {is: absent}}
  - push
  - browse: {user: alice, answers: {consent: approve}}
    tamper: {set: {url.nonce: another}}
    expect: {state: {is: absent}}
"""
    )

    assert ran.codes == ["cb.state"]  # the state stood outside of the request object, and is not the client's any more
    assert told(ran) == ["claims.state moved to url.state", 'url.nonce = "another"']
    (url,) = [one["value"] for one in ran.scenario["steps"][3]["told"] if one["label"] == "authorization URL"]
    assert "nonce=another" in url
    assert "state=" in url


@pytest.mark.parametrize("kind", ["html", "markdown", "junit", "json", "har"])
def test_every_report_says_what_was_tampered_with(kind, flowrun_by_http, environment, scenario, tmp_path):
    steps = "steps:\n  - discover\n  - push:\n    tamper: {remove: [claims.exp]}\noutcome: {refused: {push: any}}\n"

    ran = flowrun_by_http(
        scenario(f"scenario: Tampered\nauthorization: {{scope: openid}}\n{steps}"),
        "--env",
        environment(),
        "--report",
        f"{kind}={tmp_path / 'told'}",
    )

    assert ran.code == 0, ran.out
    assert "claims.exp removed" in (tmp_path / "told").read_text("utf-8")


def test_a_line_for_reviewers_says_what_was_tampered_with(flowrun_by_http, environment, scenario, tmp_path):
    steps = "steps:\n  - discover\n  - push:\n    tamper: {set: {claims.x: 1}}\noutcome: {refused: {push: any}}\n"
    scenario(f"scenario: Tampered\nauthorization: {{scope: openid}}\n{steps}")
    reports = [f"{kind}={tmp_path / kind}" for kind in ("github", "gitlab")]

    flowrun_by_http("scenario.yaml", "--env", environment(), "--report", reports[0], "--report", reports[1])

    for kind in ("github", "gitlab"):
        assert "tampered: push: claims.x = 1" in (tmp_path / kind).read_text("utf-8")


def test_another_refusal_than_the_one_that_is_wanted_is_nobodys_fault(run):
    tamper = 'tamper: {set: {assertion.claims.aud: "https://x.example"}}'

    ran = run(f"  - discover\n  - push:\n    {tamper}\n", "outcome: {refused: {push: [invalid_request]}}")

    assert ran.codes == ["par_error"]
    assert ran.problems[0]["blame"].startswith("unclear: this step tampers with what it sends")


def test_a_request_that_is_tampered_with_and_accepted_is_a_failure(run):
    ran = run("  - discover\n  - push:\n    tamper: {set: {claims.x: 1}}\n", "outcome: {refused: {push: any}}")

    assert (ran.code, ran.codes) == (1, ["not-refused"])


def test_what_we_sign_is_not_judged_in_a_step_that_tampers(run):
    steps = "  - discover\n  - sign: request_object\n    tamper: {set: {claims.sub: flowrun-example}}\n"

    ran = run(steps)
    checked = [check for check in ran.scenario["steps"][1]["checks"] if check["check"].startswith("sign.")]

    assert (ran.code, ran.problems) == (0, []), ran.out
    assert {check["outcome"] for check in checked} == {"skipped"}
    assert "this step tampers with what it sends" in {check["complaint"] for check in checked}
    assert (
        "sign.jar"
        in run(
            steps.replace("tamper: {set: {claims.sub: flowrun-example}}", "name: b").replace(
                "sign: request_object", "sign: {what: request_object, claims: {sub: flowrun-example}}"
            )
        ).codes
    )


NOT_DONE: dict[str, tuple[str, str, str]] = {
    "a claim that is not there": (
        "push:\n    tamper: {remove: [claims.expp]}",
        "tamper-nothing-there",
        "there is no claims.expp to leave out",
    ),
    "a request object that is signed already": (
        "sign: request_object\n  - push:\n    tamper: {remove: [claims.exp]}",
        "tamper-unused",
        "nothing was tampered with: what this is about was not sent by this step",
    ),
    "no request object to leave out": (
        "push:\n    as: plain\n    tamper: {unsigned: true}",
        "tamper-unused",
        "nothing was tampered with: what this is about was not sent by this step",
    ),
    "no certificate to leave out": (
        "push:\n    tamper: {certificate: none}",
        "tamper-unused",
        "nothing was tampered with: what this is about was not sent by this step",
    ),
}


@pytest.mark.parametrize("name", NOT_DONE)
def test_a_refusal_proves_nothing_where_nothing_was_tampered_with(name, run):
    steps, code, title = NOT_DONE[name]

    ran = run(f"  - discover\n  - {steps}\n", "outcome: {refused: {push: any}}")

    assert ran.code == 1, ran.out
    assert [(problem["code"], problem["title"]) for problem in ran.problems][:1] == [(code, title)]
    assert ran.problems[0]["at"]["line"] == len(steps.splitlines()) + 4, ran.problems[0]


@pytest.mark.parametrize("tamper", ["method: GET", "content_type: application/json", "content_type: text/plain"])
def test_a_secret_stays_one_in_whatever_form_it_is_sent(tamper, run, tmp_path):
    ran = run(
        "  - discover\n  - exchange: {grant: client_credentials, scope: accounts}\n    as: known\n"
        f"    tamper: {{{tamper}}}\n",
        clients={
            "known": {
                "like": "default",
                "client_id": "known",
                "auth": "client_secret_post",
                "client_secret": "sesame-opens-at-night+",
            }
        },
    )

    assert (ran.codes, len(told(ran))) == (["refused-exchange"], 1), ran.out
    files = [file.read_text("utf-8", "replace") for file in (tmp_path / "runs").rglob("*.html")]
    assert files
    for text in (ran.out, ran.err, str(ran.report), *files):
        assert "sesame-opens-at-night" not in text


def test_where_the_second_client_is_missing_that_is_no_mistake(environment, scenario, flowrun_by_http):
    file = Path(environment())
    written = yaml.safe_load(file.read_text("utf-8"))
    written["clients"] = {"default": written["clients"]["default"]}
    file.write_text(yaml.safe_dump(written), "utf-8")
    scenario(
        "scenario: Another client says who it is\nneeds: [second_client]\nsteps:\n"
        "  - discover\n  - push:\n    tamper: {client: second}\noutcome: {refused: {push: any}}\n"
    )

    ran = flowrun_by_http("scenario.yaml", "--env", str(file))

    assert [one["status"] for one in ran.report["scenarios"]] == ["not applicable"], ran.out


def test_the_client_of_a_used_file_is_the_one_that_is_looked_at(run, tmp_path):
    (tmp_path / "inner.yaml").write_text(
        "scenario: Inner\nauthorization: {scope: accounts}\nsteps:\n"
        "  - exchange: {grant: client_credentials, scope: accounts}\n    tamper: {remove: [proof.claims.jti]}\n",
        "utf-8",
    )

    ran = run(
        "  - discover\n  - use: inner.yaml\n    as: bound\n",
        "outcome: {refused: {exchange: [invalid_dpop_proof]}}",
        clients={"bound": DPOP},
    )

    assert (ran.code, ran.problems) == (0, []), ran.out
