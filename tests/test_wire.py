"""Wire on a transport of httpx for what is sent and read, and on real sockets for the ways to get no answer."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from flowrun.errors import FAILED, UNREACHABLE, WRONG_FILE, StepError
from flowrun.redact import Redactor
from flowrun.tls import Tls, context_for, speaks_old_tls
from flowrun.wire import LARGEST_ANSWER, Wire

KEYS = Path(__file__).parents[1] / "keys.example"
URL = "https://op.example/par"


@contextmanager
def wired(answer, **more):
    """A wire whose server is a function, or an answer; what was asked is in `wire.asked`."""
    asked = []

    def server(request):
        asked.append(request)
        return answer(request) if callable(answer) else answer

    wire = Wire(more.pop("redactor", Redactor()), transport=httpx.MockTransport(server), **more)
    wire.asked = asked
    try:
        yield wire
    finally:
        wire.close()


def test_a_form_is_sent_as_a_form_and_recorded():
    form = [("scope", "accounts profile"), ("claims", '{"a":"ü&="}'), ("scope", "twice"), ("empty", "")]
    with wired(httpx.Response(201, json={"request_uri": "urn:x"}, headers={"Cache-Control": "no-store"})) as wire:
        answer = wire.send("POST", URL, form=form, headers={"x-id": "7"})
    (asked,) = wire.asked
    assert asked.content == (b"scope=accounts+profile&claims=%7B%22a%22%3A%22%C3%BC%26%3D%22%7D&scope=twice&empty=")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["x-id"] == "7"
    assert asked.headers["user-agent"] == "flowrun"
    assert (answer.status, answer.body, answer.members) == (201, {"request_uri": "urn:x"}, {"request_uri": "urn:x"})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content_type == "application/json"
    assert answer.sent.form == tuple(form)
    assert (answer.sent.method, answer.sent.url, answer.sent.headers["x-id"]) == ("POST", URL, "7")
    assert answer.seconds >= 0


def test_a_header_can_be_sent_two_times_and_a_form_as_another_type():
    with wired(httpx.Response(200)) as wire:
        headers = {"dpop": "proof", "content-type": "text/plain"}
        answer = wire.send("POST", URL, form=[("a", "b")], headers=headers, twice=("dpop",))
    (asked,) = wire.asked
    assert asked.headers.get_list("dpop") == ["proof", "proof"]
    assert (asked.headers["content-type"], asked.content) == ("text/plain", b"a=b")
    assert answer.sent.headers["dpop"] == "proof, proof"


def test_a_url_with_a_name_and_a_password_says_who_asks():
    with wired(httpx.Response(200)) as wire:
        wire.send("GET", "https://me:pass%20word@op.example/par")
        wire.send("GET", "https://me:pass@op.example/par", headers={"authorization": "Bearer token"})
    assert [asked.headers["authorization"] for asked in wire.asked] == ["Basic bWU6cGFzcyB3b3Jk", "Bearer token"]
    assert wire.asked[0].headers["host"] == "op.example"


def test_without_a_form_nothing_is_in_the_body():
    with wired(httpx.Response(200, json={})) as wire:
        wire.send("GET", URL, headers={"accept": "text/plain"})
    assert wire.asked[0].content == b""
    assert "content-type" not in wire.asked[0].headers
    assert wire.asked[0].headers["accept"] == "text/plain"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('{"a": 1}', {"a": 1}),
        ("  [1, null]\n", [1, None]),
        ('"text"', "text"),
        ("-5", -5),
        ("true", True),
        ("null", None),
        ("", None),
        ("<html>", None),
        ("not json", None),
        ("{'a': 1}", None),
        ('{"a": 1', None),
        ('{"a": NaN}', None),
        ("[Infinity, -Infinity]", None),
        ("[" * 100_000, None),
        ("9" * 10_000, None),
        ("1e400", None),
        ('{"a": "\\ud800"}', None),
    ],
)
def test_a_body_is_parsed_where_it_is_json_whatever_its_type(text, body):
    with wired(httpx.Response(200, content=text.encode(), headers={"content-type": "text/html"})) as wire:
        answer = wire.send("GET", URL)
    assert answer.body == body
    assert answer.text == text
    assert answer.members == (body if isinstance(body, dict) else {})


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("utf-8", "größe".encode(), "größe"),
        ("iso-8859-1", "größe".encode("iso-8859-1"), "größe"),
        ("no-such-charset", b"abc", "abc"),
        ("rot13", b"abc", "abc"),
        ("idna", b"abc", "abc"),
        ("undefined", b"abc", "abc"),
        ("base64", b"YWJj", "YWJj"),
        ("utf-8", b"a\xffb", "a�b"),
    ],
)
def test_an_odd_charset_never_ends_a_run(charset, raw, text):
    headers = {"content-type": f"text/plain; charset={charset}"}
    with wired(httpx.Response(200, content=raw, headers=headers)) as wire:
        answer = wire.send("GET", URL)
    assert answer.text == text
    assert answer.content_type == "text/plain"


@pytest.mark.parametrize(
    ("how", "packed"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("identity, gzip", gzip.compress),
        ("gzip, gzip", lambda raw: gzip.compress(gzip.compress(raw))),
        ("deflate", zlib.compress),
        ("deflate", lambda raw: zlib.compress(raw)[2:-4]),
        ("deflate, gzip", lambda raw: gzip.compress(zlib.compress(raw))),
        ("identity", bytes),
    ],
)
def test_a_body_is_unpacked(how, packed):
    stream = httpx.ByteStream(packed(b'{"a": 1}'))
    with wired(httpx.Response(200, stream=stream, headers={"content-encoding": how})) as wire:
        assert wire.send("GET", URL).body == {"a": 1}


def test_a_length_that_the_scenario_says_is_sent_and_a_body_in_parts_is_not():
    with wired(httpx.Response(200)) as wire:
        assert (
            wire.send("POST", URL, content=b"hi", headers={"content-length": "99"}).sent.headers["content-length"]
            == "99"
        )
        with pytest.raises(StepError) as error:
            wire.send("POST", URL, content=b"hi", headers={"transfer-encoding": "chunked"})
    assert error.value.code == "bad-header"
    assert error.value.title == "the header transfer-encoding can't be sent: flowrun sends a body in one piece"


@pytest.mark.parametrize("status", [200, 201, 302, 307, 400, 404, 500, 503])
def test_every_status_is_an_answer_and_a_redirect_is_not_followed(status):
    with wired(httpx.Response(status, headers={"location": "https://elsewhere.example/"})) as wire:
        assert wire.send("GET", URL).status == status
    assert len(wire.asked) == 1


def test_a_header_that_comes_twice_is_joined_and_names_are_in_lower_case():
    with wired(httpx.Response(200, headers=[("X-A", "1"), ("x-a", "2")])) as wire:
        assert wire.send("GET", URL).headers["x-a"] == "1, 2"


def test_a_cookie_is_never_sent_back():
    answers = iter(
        [
            httpx.Response(200, headers={"set-cookie": "session=1; Path=/"}),
            httpx.Response(200, headers={"set-cookie": "session=2"}, content=b"x" * (LARGEST_ANSWER + 1)),
            httpx.Response(200),
        ]
    )
    with wired(lambda _: next(answers)) as wire:
        wire.send("GET", URL)
        with pytest.raises(StepError):
            wire.send("GET", URL)
        wire.send("GET", URL)
    assert all("cookie" not in asked.headers for asked in wire.asked)
    assert len(wire.asked) == 3


def test_an_answer_of_the_largest_size_is_read_and_one_octet_more_is_not():
    with wired(lambda request: httpx.Response(200, content=b"x" * int(request.headers["x-size"]))) as wire:
        assert len(wire.send("GET", URL, headers={"x-size": str(LARGEST_ANSWER)}).text) == LARGEST_ANSWER
        with pytest.raises(StepError) as error:
            wire.send("GET", URL, headers={"x-size": str(LARGEST_ANSWER + 1)})
    assert error.value.code == "answer-too-large"
    assert error.value.title == f"{URL} answered with more than 5 MiB; the rest was not read"
    assert error.value.exit_code == FAILED


def test_a_small_file_that_unpacks_to_a_huge_one_is_not_unpacked_whole():
    bomb = gzip.compress(b"\0" * (LARGEST_ANSWER * 4))
    with (
        wired(httpx.Response(200, content=bomb, headers={"content-encoding": "gzip"})) as wire,
        pytest.raises(StepError) as error,
    ):
        wire.send("GET", URL)
    assert error.value.code == "answer-too-large"


def test_secrets_of_the_form_and_of_the_answer_are_known_to_the_redactor():
    redactor = Redactor()
    answer = httpx.Response(200, json={"access_token": "token-of-answer", "x": [{"id_token": "token-inside"}]})
    with wired(answer, redactor=redactor) as wire:
        form = [("code", "code-of-form-1"), ("code", "code-of-form-2"), ("state", "state-of-form")]
        got = wire.send("POST", URL, form=form)
    shown = redactor.text("code-of-form-1 code-of-form-2 state-of-form token-of-answer token-inside")
    assert shown == "‹code› ‹code› state-of-form ‹access_token› ‹id_token›"
    assert got.hide(got.text).count("token-") == 0


def test_the_repr_of_an_answer_has_no_way_back_to_the_secrets():
    with wired(httpx.Response(200)) as wire:
        assert "hide" not in repr(wire.send("GET", URL))


@pytest.mark.parametrize(
    "url", ["op.example/par", "ftp://op.example/", "https://", "http://[::1", "https://a:b:c/", ""]
)
def test_what_is_no_url_is_a_mistake_in_a_file(url):
    wire = Wire(Redactor(), timeout=1)
    with pytest.raises(StepError) as error:
        wire.send("GET", url)
    wire.close()
    assert (error.value.code, error.value.exit_code) == ("bad-url", WRONG_FILE)
    assert error.value.title == f"'{url}' is no URL that can be called"


@pytest.mark.parametrize(
    ("header", "title"),
    [
        (("x-a", "größe"), "the header x-a can't have the character 'ö'"),
        (("x-a", "a\nb"), "the header x-a can't have the character '\\n'"),
        (("x-a", "a\r\nb: c"), "the header x-a can't have the character '\\r'"),
        (("x-a", "\x00"), "the header x-a can't have the character '\\x00'"),
        (("x-a", " a"), "the header x-a can't begin or end with a space"),
        (("x-a", "a\t"), "the header x-a can't begin or end with a space"),
        (("x a", "1"), "'x a' can't be the name of a header"),
        (("x:", "1"), "'x:' can't be the name of a header"),
        (("ö", "1"), "'ö' can't be the name of a header"),
        (("", "1"), "'' can't be the name of a header"),
    ],
)
def test_a_header_that_can_not_be_sent_is_a_mistake_in_a_file(header, title):
    wire = Wire(Redactor(), timeout=2)
    with pytest.raises(StepError) as error:
        wire.send("GET", "http://127.0.0.1:1/", headers=dict([header]))
    assert (error.value.code, error.value.title, error.value.exit_code) == ("bad-header", title, WRONG_FILE)
    wire.close()


def test_a_method_that_can_not_be_sent_is_one_too():
    wire = Wire(Redactor(), timeout=2)
    with pytest.raises(StepError, match="the method 'GET /x' can't be sent"):
        wire.send("GET /x", "http://127.0.0.1:1/")
    wire.close()


# --- real sockets ---------------------------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n" + b'{"a": 1}'


@pytest.fixture
def serve():
    """Start a server that answers each connection with these octets, or with what a function does with it."""
    with ExitStack() as stack:
        yield lambda behave, *, tls=None: stack.enter_context(_serving(behave, tls))


@contextmanager
def _serving(behave, tls):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    over = threading.Event()

    def one(connection):
        with suppress(OSError), connection:
            connection.settimeout(5)
            secured = tls.wrap_socket(connection, server_side=True) if tls else connection
            with secured:
                secured.recv(65536)
                if callable(behave):
                    behave(secured, over)
                else:
                    secured.sendall(behave)

    def accept():
        while not over.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                one(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        over.set()
        thread.join(10)
        listener.close()


def refused(url, *, timeout=2.0, tls=None):
    wire = Wire(Redactor(), timeout=timeout)
    try:
        with pytest.raises(StepError) as error:
            wire.send("GET", f"{url}?code=secret", tls=tls)
    finally:
        wire.close()
    return error.value


def host_of(url):
    return url.split("/")[2]


def test_an_answer_over_a_real_socket(serve):
    wire = Wire(Redactor(), timeout=5)
    answer = wire.send("GET", serve(OK))
    wire.close()
    assert (answer.status, answer.body) == (200, {"a": 1})


def test_nothing_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/par"
        error = refused(url)
    assert (error.code, error.exit_code) == ("connection-refused", UNREACHABLE)
    assert error.title == f"nothing listens at {host_of(url)}"
    assert error.hint == "is the server up? is the port right?"
    assert error.facts == (("url", url),)


def test_a_name_that_does_not_resolve():
    error = refused("http://no-such-host.invalid/par")
    assert (error.code, error.exit_code) == ("name-not-found", UNREACHABLE)
    assert error.title == "the host name no-such-host.invalid does not resolve"


def test_a_password_in_the_url_is_not_shown():
    error = refused("http://user:hidden-password@no-such-host.invalid/par")
    assert "hidden-password" not in error.title


def test_a_server_that_drops_the_connection(serve):
    url = serve(b"")
    error = refused(url)
    assert (error.code, error.exit_code) == ("connection-dropped", UNREACHABLE)
    assert error.title == f"{host_of(url)} dropped the connection without an answer"


def test_a_server_that_stops_in_the_middle(serve):
    error = refused(serve(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"))
    assert (error.code, error.exit_code) == ("connection-dropped", UNREACHABLE)


def test_something_that_is_no_http(serve):
    url = serve(b"\x15\x03\x01\x00\x02\x02\x46")
    error = refused(url)
    assert (error.code, error.exit_code) == ("not-http", UNREACHABLE)
    assert error.title == f"{host_of(url)} answered with something that is no HTTP"


def test_a_server_that_says_nothing(serve):
    url = serve(lambda _, over: over.wait(5))
    error = refused(url, timeout=0.3)
    assert (error.code, error.exit_code) == ("timeout", UNREACHABLE)
    assert error.title == f"no answer from {host_of(url)} within 0.3 s"
    assert error.hint == "timeouts: {http: …} in the environment file sets the limit"


def test_a_server_that_drips_does_not_get_around_the_limit(serve):
    def drip(connection, over):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not over.wait(0.1):
            connection.sendall(b"x")

    started = time.monotonic()
    error = refused(serve(drip), timeout=0.5)
    assert error.code == "timeout"
    assert time.monotonic() - started < 5


def test_an_answer_that_is_packed_wrongly(serve):
    error = refused(serve(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope"))
    assert error.exit_code == UNREACHABLE
    assert error.title.startswith("no usable answer from 127.0.0.1:")


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """A certificate for 127.0.0.1, signed with its own key: the file with both."""
    return made_pair(tmp_path_factory.mktemp("tls") / "pair.pem", "127.0.0.1")


def made_pair(file, address):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    day = timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - day)
        .not_valid_after(datetime.now(UTC) + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, *form)
    )
    return file


@pytest.fixture
def https(serve, pair):
    """A server with a certificate that only who knows its CA file trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    return serve(OK, tls=context)


def test_a_certificate_that_nobody_vouches_for(https):
    error = refused(https)
    assert (error.code, error.exit_code) == ("tls-certificate", UNREACHABLE)
    assert error.title == f"the TLS certificate of {host_of(https)} is not trusted"
    assert error.hint == "name its authority in the environment file: tls: {ca: path/to/ca.pem}"


@pytest.mark.parametrize("verify", [True, False])
def test_a_certificate_is_accepted_when_the_environment_says_so(https, pair, verify):
    wire = Wire(Redactor(), timeout=5)
    tls = Tls(ca=pair) if verify else Tls(verify=False)
    assert wire.send("GET", https, tls=tls).body == {"a": 1}
    wire.close()


def test_the_authority_of_a_run_is_trusted_where_a_request_names_none(https, pair, tmp_path):
    wire = Wire(Redactor(), timeout=5, authority=pair)
    other = made_pair(tmp_path / "other.pem", "127.0.0.9")
    assert wire.send("GET", https).body == {"a": 1}
    with pytest.raises(StepError) as error:
        wire.send("GET", https, tls=Tls(ca=other))
    wire.close()
    assert error.value.code == "tls-certificate"


def test_a_certificate_for_another_name(serve, tmp_path):
    other = made_pair(tmp_path / "other.pem", "127.0.0.9")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(other)
    url = serve(OK, tls=context)
    error = refused(url, tls=Tls(ca=other))
    assert (error.code, error.exit_code) == ("tls-name", UNREACHABLE)
    assert error.title == f"the TLS certificate of {host_of(url)} is for another name"


def test_a_trusted_server_does_not_make_the_next_one_trusted(https):
    wire = Wire(Redactor(), timeout=5)
    wire.send("GET", https, tls=Tls(verify=False))
    with pytest.raises(StepError) as error:
        wire.send("GET", https)
    wire.close()
    assert error.value.code == "tls-certificate"


def test_https_where_http_is_spoken(serve):
    url = serve(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").replace("http:", "https:")
    error = refused(url)
    assert (error.code, error.exit_code) == ("tls-failed", UNREACHABLE)
    assert error.hint == "does this port speak https?"


def test_a_server_that_wants_a_client_certificate(serve, pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    context.load_verify_locations(pair)
    context.verify_mode = ssl.CERT_REQUIRED
    url = serve(OK, tls=context)
    error = refused(url, tls=Tls(ca=pair))
    assert (error.code, error.exit_code) == ("tls-client-certificate", UNREACHABLE)
    assert error.facts == (("url", url), ("TLS alert", "certificate required"))
    assert (error.place, error.error) == ("tls", "certificate_required")
    wire = Wire(Redactor(), timeout=5)
    assert wire.send("GET", url, tls=Tls(ca=pair, certificate=pair)).status == 200
    wire.close()


@pytest.mark.parametrize(
    ("tls", "code", "label"),
    [
        (Tls(ca=Path("missing.pem")), "ca-unreadable", ""),
        (Tls(ca=KEYS / "tls.key"), "ca-unreadable", ""),
        (Tls(certificate=Path("missing.pem")), "certificate-unreadable", "the file is not there"),
        (Tls(certificate=KEYS / "tls.pem"), "certificate-unreadable", "it must be PEM, with its private key"),
        (
            Tls(certificate=KEYS / "tls.pem", key=KEYS / "client-signing.pem"),
            "certificate-unreadable",
            "the private key belongs to another certificate",
        ),
    ],
)
def test_a_file_that_can_not_be_used_is_a_mistake_in_a_file(tls, code, label):
    with pytest.raises(StepError) as error:
        context_for(tls)
    assert (error.value.code, error.value.label, error.value.exit_code) == (code, label, WRONG_FILE)


def sending(url):
    return {
        "method": "POST",
        "url": url,
        "form": [("a", "1")],
        "content": None,
        "headers": {},
        "twice": (),
        "tls": Tls(),
    }


def test_requests_at_once_are_all_on_their_way_before_one_is_answered(serve):
    here = threading.Barrier(3)

    def together(connection, _over):
        here.wait(5)  # nobody gets an answer before all have asked
        connection.sendall(OK)

    wire = Wire(Redactor(), timeout=5)
    answers = wire.send_at_once([sending(serve(together)) for _ in range(3)])
    wire.close()
    assert [answer.status for answer in answers] == [200] * 3


def test_a_race_in_which_one_gets_no_answer_raises_what_that_one_does(serve):
    first = threading.Lock()

    def answer(connection, _over):
        if first.acquire(blocking=False):
            connection.sendall(OK)

    wire = Wire(Redactor(), timeout=5)
    with pytest.raises(StepError) as error:
        wire.send_at_once([sending(serve(answer))] * 2)
    wire.close()
    assert error.value.code == "connection-dropped"


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
def test_nothing_newer_is_offered_than_what_is_asked_for(https, pair, newest):
    wire = Wire(Redactor(), timeout=5)
    seen = wire.send("GET", https, tls=Tls(ca=pair, at_most=newest)).tls
    wire.close()
    assert seen["version"] == f"TLSv{newest}"
    assert 0 < seen["days_left"] < 1


def test_of_a_certificate_that_nobody_has_verified_nothing_is_told(https):
    wire = Wire(Redactor(), timeout=5)
    seen = wire.send("GET", https, tls=Tls(verify=False)).tls
    wire.close()
    assert set(seen) == {"version", "cipher"}


@pytest.mark.skipif(not speaks_old_tls(), reason="this machine's OpenSSL has no old TLS")
def test_a_server_that_does_not_want_old_tls_refuses_at_the_place_tls(https, pair):
    error = refused(https, tls=Tls(ca=pair, at_most="1.1"))
    assert (error.place, error.error) == ("tls", "protocol_version")


def test_what_is_no_refusal_of_tls_has_no_place(serve, https):
    for error in (refused(https), refused(serve(b""))):  # a certificate that we do not trust; no TLS at all
        assert (error.place, error.error) == ("", "")


def test_a_proxy_of_the_machine_gets_what_goes_elsewhere_but_for_what_it_is_not_for(serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", serve(OK))
    monkeypatch.setenv("http_proxy", serve(OK))
    monkeypatch.setenv("no_proxy", "direct.invalid,other.invalid:8443")
    wire = Wire(Redactor(), timeout=5)
    assert wire.send("GET", "http://op.invalid/par").status == 200
    assert wire.send("GET", "http://other.invalid/par").status == 200
    for url in ("http://direct.invalid/par", "http://other.invalid:8443/par"):
        with pytest.raises(StepError) as error:
            wire.send("GET", url)
        assert error.value.code == "name-not-found"
    wire.close()


def test_what_httpx_does_not_send_to_a_proxy_is_no_fault_of_the_network(serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", serve(OK))
    monkeypatch.setenv("http_proxy", serve(OK))
    wire = Wire(Redactor(), timeout=5)
    with pytest.raises(StepError) as error:
        wire.send("GET", "http://op.invalid/par", headers={"content-length": "abc"})
    wire.close()
    assert (error.value.code, error.value.exit_code) == ("bad-header", WRONG_FILE)
    assert error.value.title == "httpx does not send this: bad Content-Length"


def test_a_proxy_of_the_machine_does_not_get_what_goes_to_this_machine(serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    wire = Wire(Redactor(), timeout=5)
    assert wire.send("GET", serve(OK)).status == 200
    wire.close()
