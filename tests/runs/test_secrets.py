"""No token, code, assertion, password or private key can be read in any output, in whatever form it is written.

What to look for comes from the wire, the password and the key files themselves, not from what the redactor has learned.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from flowrun.redact import Redactor
from flowrun.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SENT = {"client_assertion", "request", "code", "code_verifier", "token", "refresh_token", "password"}
RECEIVED = {"access_token", "refresh_token", "id_token"}
PERSONAL = {"Alice Example", "alice@people.example"}
REPORTS = ("html", "junit", "markdown", "github", "gitlab", "har", "prometheus")
FLOW = """\
scenario: Tokens come up wherever they can
authorization: {scope: openid profile offline_access}
steps:
  - discover
  - sign: client_assertion
  - sign: request_object
    name: request
  - push
  - browse: {user: alice, answers: {consent: approve}}
  - exchange:
"""
# Every place of a result where a secret stands, each expected to be something else, so that a message shows it.
SHOWN_BY_EXPECTATIONS = """\
    expect:
      access_token: nothing like it
      refresh_token: {starts_with: nothing like it}
      id_token: {matches: nothing like it}
      http.text: {equals: nothing like it}
      http.sent.form: {equals: nothing like it}
      http.sent.form.client_assertion: nothing like it
      http.sent.form.code: {one_of: [nothing, like, it]}
      http.sent.form.code_verifier: {length: 1}
      http.sent.headers: {contains: nothing like it}
      body: {equals: nothing like it}
      that: exchange.access_token == 'nothing like it'
  - set:
      mine: "{{ exchange.access_token }}"
      hidden: "{{ exchange.access_token | base64url }}"
      inside: "{{ ('user:' ~ exchange.refresh_token) | base64url }}"
      together: "?a={{ callback.code }}&b={{ exchange.refresh_token }}"
    expect:
      mine: nothing like it
      hidden: nothing like it
      inside: nothing like it
      together: nothing like it
  - userinfo:
    expect:
      http.sent.headers.authorization: nothing like it
      http.sent.headers: {equals: nothing like it}
"""
SAVED = """\
    save: {kept: access_token, all: body, sent: http.sent.form, text: http.text}
  - exchange: {grant: refresh_token}
    name: again
  - introspect: refresh_token
  - revoke: {token: "{{ kept }}"}
"""


def forms(value: str) -> Iterator[str]:
    """Yield how a secret may be written: raw, URL-encoded, Base64 and Base64 inside other Base64, and a good part."""
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + value.encode()).decode()
        core = whole[4 if shift else 0 : len(whole) - 4]
        yield from (core, core.replace("+", "-").replace("/", "_"))
    secret = value.split(".", 1)[-1] if value.startswith("eyJ") else value  # the header of a JWT is none
    step = 24
    for start in range(0, len(secret) - step, step // 2):
        yield secret[start : start + step]


def readable(text: str, secrets: dict[str, set[str]]) -> set[str]:
    """Return the kinds of secret that can be read in a text."""
    return {
        kind
        for kind, values in secrets.items()
        if any(form in text for value in values for form in forms(value) if len(form) > 8)
    }


@pytest.fixture
def on_the_wire(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Every secret that goes over the wire from now on, by its name."""
    seen: dict[str, set[str]] = {}
    send = Wire.send

    def note(name: str, value: Any) -> None:
        if isinstance(value, str) and value not in {"access_token", "refresh_token"}:
            seen.setdefault(name, set()).add(value)

    def recording(self: Wire, *arguments: Any, **options: Any) -> Any:
        for name, value in options.get("form", ()):
            if name in SENT:
                note(name, value)
        if "dpop" in options.get("headers", {}):
            note("dpop", options["headers"]["dpop"])
        answer = send(self, *arguments, **options)
        for name in RECEIVED & set(answer.members):
            note(name, answer.members[name])
        return answer

    monkeypatch.setattr(Wire, "send", recording)
    return seen


@pytest.fixture
def at_rest(repo: Path) -> dict[str, set[str]]:
    """The passwords and the private key: its file, the lines of it, its numbers as a JWK has them."""
    data = yaml.safe_load((repo / "scenarios" / "environments" / "sandbox.yaml").read_text("utf-8"))
    pem = (repo / "keys.example" / "client-signing.pem").read_text("utf-8")
    numbers = load_pem_private_key(pem.encode(), None).private_numbers()
    private = {numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp}
    return {
        "password": {person["password"] for person in data["users"].values()},
        "key file": {line for line in pem.splitlines() if "-----" not in line},
        "private numbers": {base64url(number) for number in private} | {str(number) for number in private},
    }


def base64url(number: int) -> str:
    """Return a number as a JWK writes it."""
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")


@pytest.fixture
def output(flowrun_run, tmp_path: Path) -> Callable[..., str]:
    """Run verbosely and return everything that came out: both streams and every report."""

    def run(*arguments: str) -> str:
        reports = [word for kind in REPORTS for word in ("--report", f"{kind}={tmp_path / kind}")]
        ran = flowrun_run(*arguments, *reports, "--verbose", "--runs", "none")
        assert ran.report["scenarios"], ran.err
        files = ("report.json", *REPORTS)
        return ran.out + ran.err + "".join((tmp_path / name).read_text("utf-8") for name in files)

    return run


RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "par_dp": ("scenarios/par_dp.yaml", {}),
    "par_then_refresh": ("scenarios/par_then_refresh.yaml", {}),
    "expectations that fail": (FLOW + SHOWN_BY_EXPECTATIONS, {}),
    "values that are saved": (FLOW + SAVED, {}),
    "a refused push": ("scenarios/par_dp.yaml", {"faults": ["push.refuse"]}),
    "a bad signature": ("scenarios/par_dp.yaml", {"faults": ["token.bad-signature"]}),
    "a wrong nonce": ("scenarios/par_dp.yaml", {"faults": ["token.wrong-nonce"]}),
    "an error of the token endpoint": ("scenarios/par_dp.yaml", {"faults": ["token.status-500"]}),
    "a refused code": (FLOW.replace("- exchange:", "- exchange: {code: not-the-code}"), {}),
    "a wrong password": (FLOW, {"pages": "wrong password"}),
}
WRONG_PASSWORD = {
    "login": {
        "shows": {"heading": "Sign in"},
        "do": [{"fill": {"User name": "{{ user.password }}", "Password": "bob"}}, {"press": "Sign in"}],
        "failed_if": {"text": "Invalid credentials"},
    }
}


@pytest.mark.sandbox
@pytest.mark.browser
@pytest.mark.usefixtures("in_repo")
@pytest.mark.parametrize("name", RUNS)
def test_no_secret_can_be_read(name, output, environment, scenario, on_the_wire, at_rest):
    source, changes = RUNS[name]
    if changes.get("pages"):
        changes = {"pages": WRONG_PASSWORD}

    told = output(scenario(source) if "\n" in source else source, "--env", environment(**changes))

    secrets = {**on_the_wire, **at_rest}
    assert {"client_assertion", "request"} <= set(on_the_wire)
    assert readable(told, secrets) == set()


ABOUT_THE_PERSON = """\
scenario: Who is it?
authorization:
  scope: openid profile
  claims: {userinfo: {email: null}, id_token: {name: null, email: null}}
steps:
  - discover
  - push
  - browse: {user: alice, answers: {consent: approve}}
  - exchange:
    expect: {id_token_claims.email: alice@people.example, id_token_claims.name: somebody else}
  - userinfo:
    expect: {email: "{{ exchange.id_token_claims.email }}", given_name: Alice}
    save: {who: name}
  - set: {told: "{{ who }} has {{ userinfo.email | base64url }}"}
    expect: {told: nothing like it}
"""


@pytest.mark.sandbox
@pytest.mark.browser
@pytest.mark.usefixtures("in_repo")
def test_personal_claims_are_for_the_scenario_and_not_for_its_reports(output, environment, scenario):
    told = output(scenario(ABOUT_THE_PERSON), "--env", environment())

    assert "expected: email: held" in told  # templates and expectations have the true values
    assert "expected: given_name: held" in told
    assert "id_token_claims.name is not what was expected" in told
    assert readable(told, {"personal": PERSONAL}) == set()


@pytest.mark.sandbox
def test_dpop_proofs_cannot_be_read(output, environment, scenario, on_the_wire, at_rest):
    path = Path(environment())
    path.write_text(path.read_text("utf-8").replace("sender_constraint: none", "sender_constraint: dpop"), "utf-8")
    steps = "  - exchange: {grant: client_credentials, scope: accounts}\n  - introspect: {token: access_token}\n"
    text = f"scenario: Bound\nauthorization: {{scope: accounts}}\nsteps:\n  - discover\n  - push\n{steps}"

    told = output(scenario(text), "--env", str(path))

    assert "JWT: dpop, sent" in told
    assert {"client_assertion", "dpop", "access_token"} <= set(on_the_wire)
    assert readable(told, {**on_the_wire, **at_rest}) == set()


@pytest.mark.sandbox
@pytest.mark.browser
@pytest.mark.usefixtures("in_repo")
def test_without_the_redactor_they_can(output, environment, scenario, on_the_wire, at_rest, monkeypatch):
    monkeypatch.setattr(Redactor, "text", lambda _, text: text)
    monkeypatch.setattr(Redactor, "value", lambda _, value: value)

    told = output(scenario(FLOW + SAVED), "--env", environment())

    assert readable(told, {**on_the_wire, **at_rest}) == {
        "client_assertion",
        "request",
        "code",
        "code_verifier",
        "token",
        "access_token",
        "refresh_token",
        "id_token",
    }


def base64_of(text: str) -> str:
    """Return a text in Base64."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "write", [str, quote_plus, lambda text: text[2:], base64_of, lambda text: base64_of(f"alice:{text}")]
)
def test_every_form_is_found(write, at_rest):
    for kind, values in at_rest.items():
        value = max(values, key=len) + "+/=" * 15
        assert readable(f"it says {write(value)} here", {kind: {value}}) == {kind}
    assert readable("it says nothing", at_rest) == set()


@pytest.mark.usefixtures("in_repo")
def test_the_plan_and_the_check_show_no_secret(capsys, environment, at_rest):
    from flowrun.cli import main  # noqa: PLC0415

    for command in (["plan", "--explain"], ["check"]):
        with pytest.raises(SystemExit) as ended:
            main([*command, "scenarios/par_dp.yaml", "--env", environment()])
        said = capsys.readouterr()
        assert ended.value.code == 0
        assert re.search("sandbox|broken", said.out)
        assert readable(said.out + said.err, at_rest) == set()
