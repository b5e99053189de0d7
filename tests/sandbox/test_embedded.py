"""Starting and stopping: quick, alone, quiet, and nothing left behind."""

import gc
import logging
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from flowrun.errors import WRONG_FILE, FlowrunError
from flowrun.sandbox import Client, Sandbox, Settings, User

pytestmark = pytest.mark.sandbox

EMPTY = Settings((), ())


def threads():
    return {thread for thread in threading.enumerate() if not thread.name.startswith(("pytest", "asyncio"))}


def test_it_serves_between_start_and_stop_and_can_start_again():
    sandbox = Sandbox(EMPTY)
    for _ in range(2):
        sandbox.start()
        issuer = sandbox.issuer
        assert httpx.get(f"{issuer}/.well-known/openid-configuration").json()["issuer"] == issuer
        sandbox.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(issuer)


def test_starting_and_stopping_twice_is_the_same_as_once():
    sandbox = Sandbox(EMPTY)
    sandbox.stop()
    sandbox.start()
    issuer = sandbox.issuer
    sandbox.start()
    assert sandbox.issuer == issuer
    sandbox.stop()
    sandbox.stop()


def test_no_issuer_before_the_start():
    with pytest.raises(RuntimeError, match="not been started"):
        _ = Sandbox(EMPTY).issuer


def test_two_sandboxes_share_nothing_but_the_key():
    with Sandbox(EMPTY) as one, Sandbox(EMPTY) as two:
        assert one.issuer != two.issuer
        assert httpx.get(f"{one.issuer}/jwks").json() == httpx.get(f"{two.issuer}/jwks").json()


def test_a_start_and_a_stop_are_quick():
    with Sandbox(EMPTY):
        pass  # imports are paid for
    fastest = min(timed() for _ in range(5))

    assert fastest < 0.15


def timed():
    begun = time.perf_counter()
    with Sandbox(EMPTY):
        pass
    return time.perf_counter() - begun


def test_nothing_is_left_when_connections_hang_open():
    before = threads()
    sandbox = Sandbox(EMPTY)
    sandbox.start()
    port = int(sandbox.issuer.rpartition(":")[2])
    # A browser opens connections in advance and says nothing on them.
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    waiting[0].sendall(b"POST /par HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    httpx.get(f"{sandbox.issuer}/jwks")
    begun = time.perf_counter()
    sandbox.stop()
    took = time.perf_counter() - begun
    for connection in waiting:
        connection.close()
    gc.collect()  # a socket left open is a ResourceWarning, and warnings are errors

    assert threads() - before == set()
    assert took < 1


def test_a_taken_port_is_a_problem_not_an_exit():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(FlowrunError) as caught:
        Sandbox(Settings((), (), port=taken.getsockname()[1])).start()

    (problem,) = caught.value.problems
    assert problem.code == "sandbox-port-taken"


def test_a_chosen_port_is_the_issuers():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Sandbox(Settings((), (), port=port)) as sandbox:
        assert sandbox.issuer == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("library", ["flask", "authlib", "joserfc"])
def test_a_missing_library_names_the_extra(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(FlowrunError) as caught:
        Sandbox(EMPTY).start()

    (problem,) = caught.value.problems
    assert (problem.code, problem.exit_code) == ("sandbox-extra-missing", WRONG_FILE)
    assert "sandbox" in problem.title
    assert problem.hint == "pip install 'flowrun-oauth[sandbox]'"
    assert problem.facts == (("missing", library),)


def test_the_import_is_light_and_works_without_the_extra():
    program = (
        "import sys; sys.modules.update(flask=None, authlib=None, joserfc=None, werkzeug=None, jinja2=None)\n"
        "import flowrun.sandbox as s; s.Sandbox(s.Settings((), ())); print(len(s.FAULTS))\n"
        "print([n for n in ('cryptography', 'httpx', 'http.server') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.splitlines()[1] == "[]"


def test_it_is_silent_and_tells_the_log_no_parameter(start, capfd, caplog):
    lines = []
    caplog.set_level(logging.DEBUG)
    consumer = start(log=lines.append)
    request_uri = consumer.pushed()
    code = consumer.approved(request_uri)["code"]
    tokens = consumer.exchange(code).json()

    told = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    )
    for secret in (code, tokens["access_token"], tokens["refresh_token"], "wonderland"):
        assert secret not in told
        assert secret not in "".join(lines)
    assert request_uri not in "".join(lines)
    assert "POST /par 201" in lines
    assert "GET /auth/<walk> 200" in lines
    assert "POST /token 200" in lines
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_bug_of_the_sandbox_is_answered_and_told_to_the_log_of_the_process(start, clock, caplog):
    consumer = start()
    request_uri = consumer.pushed()
    clock.passed = None  # makes the server's clock fail

    page = consumer.authorize(request_uri)

    assert page.status_code == 500
    assert "server_error" in page.text
    assert "TypeError" not in page.text
    assert any("the sandbox has a bug" in record.getMessage() for record in caplog.records)


def test_passwords_and_secrets_are_not_printed():
    shown = repr(Settings((Client("c", (), client_secret="s3cret"),), (User("alice", "wonderland"),)))

    assert "s3cret" not in shown
    assert "wonderland" not in shown


@pytest.mark.parametrize(
    ("clients", "users"), [((Client("c", ()), Client("c", ())), ()), ((), (User("a", "1"), User("a", "2")))]
)
def test_nobody_is_there_twice(clients, users):
    with pytest.raises(ValueError, match="twice"):
        Settings(clients, users)


def test_an_unknown_client_authentication():
    with pytest.raises(ValueError, match="no client authentication 'magic': private_key_jwt, tls_client_auth"):
        Client("c", (), token_endpoint_auth_method="magic")
