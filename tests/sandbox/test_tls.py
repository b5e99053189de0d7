"""TLS: an authority for the run, a host that asks for certificates, tokens bound to them, authentication by them."""

import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from flowrun.sandbox import CertificateHeader, Sandbox, Settings
from flowrun.sandbox.certificates import thumbprint

pytestmark = pytest.mark.sandbox

KEYS = Path(__file__).parents[2] / "keys.example"
PEM = (KEYS / "tls.pem").read_text()
CERTIFICATE = x509.load_pem_x509_certificate(PEM.encode())
BOUND = {"certificate": PEM, "sender_constraint": "mtls"}


@pytest.fixture
def other_certificate(tmp_path):
    """A certificate, self-signed, with the subject of the example's but another key."""
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-subj", "/CN=flowrun example client", "-keyout", tmp_path / "o.key", "-out", tmp_path / "o.pem"),
        ],
        check=True,
        capture_output=True,
    )
    return tmp_path / "o.pem", tmp_path / "o.key"


def with_certificate(consumer, files=(KEYS / "tls.pem", KEYS / "tls.key")):
    """Return connections that show a certificate, and trust the sandbox."""
    context = ssl.create_default_context(cafile=consumer.sandbox.authority)
    context.load_cert_chain(*files)
    return httpx.Client(timeout=10, verify=context)


def metadata(consumer):
    return consumer.http.get(f"{consumer.issuer}/.well-known/openid-configuration").json()


@pytest.fixture
def secure(start):
    """A consumer of a sandbox with two hosts, its metadata, and connections that show the certificate."""
    consumer = start(client=BOUND, tls="hosts")
    with with_certificate(consumer) as shown:
        yield consumer, metadata(consumer), shown


def whole_flow(consumer, server, shown, **form):
    """Push, walk and exchange over the hosts of the metadata; return the answer of the token endpoint."""
    pushed = shown.post(
        server["pushed_authorization_request_endpoint"],
        data={"request": consumer.request_object(), **(form or consumer.credentials())},
    )
    assert pushed.status_code == 201, pushed.text
    code = consumer.approved(pushed.json()["request_uri"])["code"]
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": consumer.params()["redirect_uri"],
        "code_verifier": consumer.verifier,
    }
    return shown.post(server["token_endpoint"], data={**sent, **(form or consumer.credentials())})


def test_two_hosts_one_issuer(secure):
    consumer, server, _ = secure

    assert consumer.issuer.startswith("https://localhost:")
    assert server["issuer"] == consumer.issuer
    assert server["authorization_endpoint"] == f"{consumer.issuer}/auth"
    assert server["jwks_uri"] == f"{consumer.issuer}/jwks"
    for name in ("pushed_authorization_request_endpoint", "token_endpoint", "userinfo_endpoint"):
        assert server[name].startswith("https://localhost:")
        assert not server[name].startswith(consumer.issuer)
    assert server["tls_client_certificate_bound_access_tokens"] is True
    assert "mtls_endpoint_aliases" not in server


def test_aliases(start):
    consumer = start(tls="aliases")
    server = metadata(consumer)

    assert server["token_endpoint"] == f"{consumer.issuer}/token"
    assert server["mtls_endpoint_aliases"]["token_endpoint"].endswith("/token")
    assert not server["mtls_endpoint_aliases"]["token_endpoint"].startswith(consumer.issuer)
    assert "authorization_endpoint" not in server["mtls_endpoint_aliases"]


def test_without_the_authority_nobody_trusts_it(secure):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(secure[0].issuer)


def test_tokens_are_bound_to_the_certificate(secure):
    consumer, server, shown = secure
    body = whole_flow(consumer, server, shown).json()
    token = {"Authorization": f"Bearer {body['access_token']}"}

    assert body["token_type"] == "Bearer"
    told = shown.post(
        server["introspection_endpoint"], data={"token": body["access_token"], **consumer.credentials()}
    ).json()
    assert told["cnf"] == {"x5t#S256": thumbprint(CERTIFICATE)}
    assert shown.get(server["userinfo_endpoint"], headers=token).status_code == 200
    refused = consumer.http.get(server["userinfo_endpoint"], headers=token)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_no_token_without_a_certificate(secure):
    consumer, server, _ = secure
    answer = whole_flow(consumer, server, consumer.http)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_refresh_is_bound_to_the_certificate_again(secure):
    consumer, server, shown = secure
    body = whole_flow(consumer, server, shown).json()
    again = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}

    assert consumer.http.post(server["token_endpoint"], data={**again, **consumer.credentials()}).status_code == 400
    assert shown.post(server["token_endpoint"], data={**again, **consumer.credentials()}).status_code == 200


def test_jwt_access_tokens_say_what_they_are_bound_to(start):
    consumer = start(client=BOUND, tls="hosts", access_tokens="jwt")
    with with_certificate(consumer) as shown:
        token = whole_flow(consumer, metadata(consumer), shown).json()["access_token"]

    claims = consumer.id_token(token)
    assert claims["cnf"] == {"x5t#S256": thumbprint(CERTIFICATE)}
    assert (claims["client_id"], claims["scope"]) == ("dc-1", "accounts profile")


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_authentication_by_certificate(start, method):
    consumer = start(client={**BOUND, "token_endpoint_auth_method": method}, tls="hosts")
    with with_certificate(consumer) as shown:
        assert whole_flow(consumer, metadata(consumer), shown, client_id="dc-1").status_code == 200

    server = metadata(consumer)
    assert method in server["token_endpoint_auth_methods_supported"]
    refused = consumer.http.post(server["token_endpoint"], data={"client_id": "dc-1", "grant_type": "refresh_token"})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_a_certificate_that_nobody_is_registered_with_fails_in_tls(secure, other_certificate):
    consumer, server, _ = secure
    with with_certificate(consumer, other_certificate) as shown, pytest.raises(httpx.TransportError):
        shown.get(server["userinfo_endpoint"])


def headers(certificate):
    pem = certificate.public_bytes(Encoding.PEM).decode()
    der = "".join(pem.strip().splitlines()[1:-1])
    return {"url": quote(pem), "pem": pem.strip().replace("\n", " "), "der": der}


@pytest.mark.parametrize("written", ["url", "pem", "der"])
def test_a_certificate_in_a_header(start, other_certificate, written):
    consumer = start(
        client={"certificate": PEM, "token_endpoint_auth_method": "self_signed_tls_client_auth"},
        certificate_header=CertificateHeader("x-client-cert", written),
    )
    form = {"client_id": "dc-1", "request": consumer.request_object()}
    other = x509.load_pem_x509_certificate(other_certificate[0].read_bytes())

    def push(header):
        return consumer.post("/par", form, headers={"x-client-cert": header} if header else {})

    assert push(headers(CERTIFICATE)[written]).status_code == 201
    assert push(headers(other)[written]).json()["error"] == "invalid_client"
    assert push("").json()["error"] == "invalid_client"
    assert push("rubbish").json()["error"] == "invalid_request"


def test_tls_client_auth_takes_any_certificate_with_the_subject(start, other_certificate):
    consumer = start(
        client={"certificate": PEM, "token_endpoint_auth_method": "tls_client_auth"},
        certificate_header=CertificateHeader("x-client-cert"),
    )
    other = x509.load_pem_x509_certificate(other_certificate[0].read_bytes())
    answer = consumer.post(
        "/par",
        {"client_id": "dc-1", "request": consumer.request_object()},
        headers={"x-client-cert": headers(other)["url"]},
    )

    assert answer.status_code == 201


def test_nothing_is_left_of_the_certificates():
    sandbox = Sandbox(Settings((), (), tls="hosts"))
    sandbox.start()
    folder = sandbox.authority.parent
    assert (folder / "server.pem").exists()
    sandbox.stop()

    assert not folder.exists()
    assert sandbox.authority is None


def test_without_tls_no_certificates_are_made():
    program = (
        "import sys; from flowrun.sandbox import Sandbox, Settings\n"
        "with Sandbox(Settings((), ())) as s: print('flowrun.sandbox.tls' in sys.modules, s.authority)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.split() == ["False", "None"]
