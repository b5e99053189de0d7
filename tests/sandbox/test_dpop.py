"""DPoP: what is a good proof, what it binds, and the nonce."""

import base64
import hashlib
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

pytestmark = pytest.mark.sandbox

GONE = object()


class Prover:
    """Makes proofs, every part open to change."""

    def __init__(self, consumer, key=None):
        self.consumer = consumer
        self.key = key or ECKey.generate_key("P-256")

    @property
    def jkt(self):
        return self.key.thumbprint()

    def proof(self, method, path, token=None, *, header=None, alg="ES256", **changed):
        claims = {"jti": str(uuid.uuid4()), "htm": method, "htu": self.consumer.issuer + path}
        claims["iat"] = int(self.consumer.clock())
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        claims = {name: value for name, value in (claims | changed).items() if value is not GONE}
        made = {"typ": "dpop+jwt", "alg": alg, "jwk": self.key.as_dict(private=False)} | (header or {})
        registry = JWSRegistry(algorithms=[alg])
        registry.max_header_length = 4096
        made = {name: value for name, value in made.items() if value is not GONE}
        return jwt.encode(made, claims, self.key, registry=registry, default_type=None)

    def tokens(self, *, pushed=False, **changed):
        """Walk the flow; `pushed` binds the code at PAR; `changed` is sent to the token endpoint."""
        consumer = self.consumer
        form = {"request": consumer.request_object(), **consumer.credentials()}
        headers = {"DPoP": self.proof("POST", "/par")} if pushed else {}
        answer = consumer.post("/par", form, headers=headers)
        assert answer.status_code == 201, answer.text
        code = consumer.approved(answer.json()["request_uri"])["code"]
        return self.exchange(code, **changed)

    def exchange(self, code, proof=None):
        consumer = self.consumer
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": consumer.params()["redirect_uri"],
            "code_verifier": consumer.verifier,
            **consumer.credentials(),
        }
        return consumer.post("/token", form, headers={"DPoP": proof or self.proof("POST", "/token")})

    def get(self, path, token, proof=None, scheme="DPoP"):
        headers = {"Authorization": f"{scheme} {token}", "DPoP": proof or self.proof("GET", path, token)}
        return self.consumer.http.get(self.consumer.issuer + path, headers=headers)


@pytest.fixture
def prover(start):
    return Prover(start(client={"sender_constraint": "dpop"}))


def test_tokens_are_bound_to_the_key(prover):
    body = prover.tokens().json()
    assert body["token_type"] == "DPoP"
    consumer, token = prover.consumer, body["access_token"]

    told = consumer.post("/introspection", {"token": token, **consumer.credentials()}).json()
    assert (told["cnf"], told["token_type"]) == ({"jkt": prover.jkt}, "DPoP")
    for path in ("/userinfo", "/accounts"):
        assert prover.get(path, token).status_code == 200


def test_a_client_whose_tokens_are_bound_needs_a_proof(prover):
    consumer = prover.consumer
    answer = consumer.exchange(consumer.approved(consumer.pushed())["code"])

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_client_may_bind_its_tokens_without_being_registered_so(consumer):
    assert Prover(consumer).tokens().json()["token_type"] == "DPoP"


def test_jwt_access_tokens_say_what_they_are_bound_to(start):
    prover = Prover(start(client={"sender_constraint": "dpop"}, access_tokens="jwt"))

    assert prover.consumer.id_token(prover.tokens().json()["access_token"])["cnf"] == {"jkt": prover.jkt}


def test_an_rsa_key_is_as_good(consumer):
    prover = Prover(consumer, RSAKey.generate_key(2048))
    form = {"request": consumer.request_object(), **consumer.credentials()}

    assert consumer.post("/par", form, headers={"DPoP": prover.proof("POST", "/par", alg="PS256")}).status_code == 201


# what is wrong with a proof, and a piece of the reason
PROOFS = {
    "no typ": ({"header": {"typ": GONE}}, "typ"),
    "wrong typ": ({"header": {"typ": "JWT"}}, "typ"),
    "no jwk": ({"header": {"jwk": GONE}}, "jwk"),
    "htm of another method": ({"htm": "PUT"}, "htm"),
    "no htm": ({"htm": GONE}, "htm"),
    "htu of another place": ({"htu": "https://elsewhere.example/token"}, "htu"),
    "no htu": ({"htu": GONE}, "htu"),
    "no iat": ({"iat": GONE}, "iat"),
    "no jti": ({"jti": GONE}, "jti"),
}


@pytest.mark.parametrize("case", PROOFS)
def test_a_bad_proof(prover, case):
    changed, reason = PROOFS[case]
    answer = prover.exchange("a-code", prover.proof("POST", "/token", **changed))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    assert reason in answer.json()["error_description"]


@pytest.mark.parametrize(("seconds", "good"), [(-3600, False), (-10, True), (9, True), (60, False), (3600, False)])
def test_the_time_of_a_proof(prover, seconds, good):
    proof = prover.proof("POST", "/token", iat=int(prover.consumer.clock()) + seconds)
    error = prover.exchange("a-code", proof).json()["error"]

    assert error == ("invalid_grant" if good else "invalid_dpop_proof")


def test_a_private_key_in_the_header(prover):
    proof = prover.proof("POST", "/token", header={"jwk": prover.key.as_dict(private=True)})

    assert "no public key" in prover.exchange("a-code", proof).json()["error_description"]


@pytest.mark.parametrize("proof", ["x", "a.b.c", "e30.e30.e30", "two, proofs"])
def test_what_is_no_proof(prover, proof):
    assert prover.exchange("a-code", proof).json()["error"] == "invalid_dpop_proof"


def test_another_key_than_the_one_in_the_header(prover):
    forged = prover.proof("POST", "/token", header={"jwk": ECKey.generate_key("P-256").as_dict(private=False)})

    assert prover.exchange("a-code", forged).json()["error"] == "invalid_dpop_proof"


def test_a_proof_is_used_once(prover):
    token = prover.tokens().json()["access_token"]
    proof = prover.proof("GET", "/userinfo", token)
    assert prover.get("/userinfo", token, proof).status_code == 200

    again = prover.get("/userinfo", token, proof)

    assert again.status_code == 401
    assert again.headers["www-authenticate"].startswith("DPoP ")
    assert 'error="invalid_dpop_proof"' in again.headers["www-authenticate"]


def test_htu_is_compared_without_query_and_in_lower_case(prover):
    token = prover.tokens().json()["access_token"]
    url = f"{prover.consumer.issuer.replace('http', 'HTTP', 1)}/userinfo?x=1#y"

    assert prover.get("/userinfo", token, prover.proof("GET", "/userinfo", token, htu=url)).status_code == 200


def test_a_bound_token_is_worth_nothing_to_others(prover):
    token = prover.tokens().json()["access_token"]
    thief = Prover(prover.consumer)

    assert thief.get("/userinfo", token).status_code == 401
    assert prover.consumer.get("/userinfo", token).status_code == 401
    assert prover.get("/userinfo", token, prover.proof("GET", "/userinfo")).status_code == 401
    assert prover.get("/userinfo", token, prover.proof("GET", "/userinfo", "another token")).status_code == 401


def test_a_bearer_token_does_not_become_a_bound_one(consumer):
    token = consumer.tokens()["access_token"]

    assert Prover(consumer).get("/userinfo", token).status_code == 401


def test_a_code_that_was_bound_at_par_goes_with_the_same_key_only(prover):
    consumer = prover.consumer
    form = {"request": consumer.request_object(), **consumer.credentials()}
    pushed = consumer.post("/par", form, headers={"DPoP": prover.proof("POST", "/par")}).json()
    code = consumer.approved(pushed["request_uri"])["code"]

    assert Prover(consumer).exchange(code).json()["error"] == "invalid_grant"
    assert prover.exchange(code).status_code == 200


def test_dpop_jkt_binds_the_code_as_well(prover):
    consumer = prover.consumer
    code = consumer.approved(consumer.pushed(dpop_jkt=prover.jkt))["code"]

    assert Prover(consumer).exchange(code).json()["error"] == "invalid_grant"
    assert prover.exchange(code).status_code == 200


def test_dpop_jkt_of_another_key_than_the_proof(prover):
    consumer = prover.consumer
    form = {"request": consumer.request_object(dpop_jkt="x" * 43), **consumer.credentials()}
    answer = consumer.post("/par", form, headers={"DPoP": prover.proof("POST", "/par")})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_nonce_is_demanded_and_the_assertion_is_not_spent_by_that(start):
    prover = Prover(start(client={"sender_constraint": "dpop"}, dpop_nonce=True))
    consumer = prover.consumer
    form = {"request": consumer.request_object(), **consumer.credentials()}

    first = consumer.post("/par", form, headers={"DPoP": prover.proof("POST", "/par")})
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    nonce = first.headers["dpop-nonce"]
    second = consumer.post("/par", form, headers={"DPoP": prover.proof("POST", "/par", nonce=nonce)})
    assert second.status_code == 201, second.text

    code = consumer.approved(second.json()["request_uri"])["code"]
    token = prover.exchange(code, prover.proof("POST", "/token", nonce=nonce)).json()["access_token"]
    asked = prover.get("/userinfo", token)
    assert asked.status_code == 401
    assert 'error="use_dpop_nonce"' in asked.headers["www-authenticate"]
    with_nonce = prover.proof("GET", "/userinfo", token, nonce=asked.headers["dpop-nonce"])
    assert prover.get("/userinfo", token, with_nonce).status_code == 200


def test_a_nonce_does_not_last(start):
    prover = Prover(start(client={"sender_constraint": "dpop"}, dpop_nonce=True))
    nonce = prover.exchange("a-code").headers["dpop-nonce"]
    prover.consumer.clock.passed += 600

    answer = prover.exchange("a-code", prover.proof("POST", "/token", nonce=nonce))

    assert answer.json()["error"] == "use_dpop_nonce"
    assert answer.headers["dpop-nonce"] != nonce


def test_a_public_clients_refresh_token_is_bound(start):
    consumer = start(client={"token_endpoint_auth_method": "none", "sender_constraint": "dpop"})
    prover = Prover(consumer)
    params = consumer.params(scope="openid offline_access")
    form = {name: value for name, value in params.items() if isinstance(value, str)}
    uri = consumer.post("/par", form).json()["request_uri"]
    page = consumer.sign_in(consumer.authorize(uri))
    code = parse_qs(urlsplit(consumer.send(page, decision="approve").headers["location"]).query)["code"][0]
    sent = {"client_id": "dc-1", "grant_type": "authorization_code", "code": code}
    sent |= {"redirect_uri": consumer.params()["redirect_uri"], "code_verifier": consumer.verifier}
    body = consumer.post("/token", sent, headers={"DPoP": prover.proof("POST", "/token")}).json()
    again = {"client_id": "dc-1", "grant_type": "refresh_token", "refresh_token": body["refresh_token"]}

    thief = consumer.post("/token", again, headers={"DPoP": Prover(consumer).proof("POST", "/token")})
    assert thief.json()["error"] == "invalid_grant"
    assert consumer.post("/token", again, headers={"DPoP": prover.proof("POST", "/token")}).status_code == 200
