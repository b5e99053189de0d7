"""What the scenarios of a run share, without a browser: sandboxes and the trust in their authorities."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from flowrun import environment as environments
from flowrun.errors import FlowrunError, Problem
from flowrun.redact import Redactor
from flowrun.session import Elsewhere, Session

pytestmark = pytest.mark.sandbox
KEYS = Path(__file__).parents[1] / "keys.example"
TEXT = """\
environment: {name}
{server}
clients:
  default:
    client_id: flowrun
    keys: {{signing: {{file: {keys}/client-signing.pem, kid: one}}}}
"""
EMBEDDED = "server: embedded\npages: {}\nusers: {}\n"


@pytest.fixture
def environment(tmp_path):
    """Load an environment whose server is described by some lines."""

    def environment(server, name="ours"):
        file = tmp_path / f"{name}.yaml"
        file.write_text(TEXT.format(name=name, server=server, keys=KEYS), "utf-8")
        return environments.load(file, Redactor(), {})

    return environment


def test_a_server_elsewhere_has_no_authority_of_ours_and_starts_nothing(environment):
    elsewhere = environment("issuer: https://op.example")
    with Session() as session:
        assert session.issuer(elsewhere) == "https://op.example"
        assert session.authority(elsewhere) is None
        assert session.browser_arguments([elsewhere]) == ()


def test_a_sandbox_without_tls_has_no_authority_and_is_not_started_for_the_question(environment):
    plain = environment(EMBEDDED)
    with Session() as session:
        assert session.authority(plain) is None
        assert session.browser_arguments([plain]) == ()
        assert session._sandboxes == {}


def test_one_sandbox_serves_the_whole_run_and_its_authority_is_trusted_by_wire_and_browser(environment):
    secure = environment(EMBEDDED + "sandbox: {tls: hosts}")
    with Session() as session:
        authority = session.authority(secure)
        issuer = session.issuer(secure)
        assert authority is not None
        assert "BEGIN CERTIFICATE" in authority.read_text("ascii")
        assert "PRIVATE KEY" not in authority.read_text("ascii")
        assert session.authority(secure) == authority
        answer = session.wire(secure).send("GET", f"{issuer}/.well-known/openid-configuration")
        assert answer.members["issuer"] == issuer
        (argument,) = session.browser_arguments([secure])
        assert argument.startswith("--ignore-certificate-errors-spki-list=")
    assert not authority.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(issuer)


def test_two_environments_have_two_sandboxes_and_both_are_trusted(environment):
    one, two = (environment(EMBEDDED + "sandbox: {tls: hosts}", name) for name in ("one", "two"))
    with Session() as session:
        assert session.issuer(one) != session.issuer(two)
        (argument,) = session.browser_arguments([one, two])
        assert len(set(argument.partition("=")[2].split(","))) == 2


def test_a_sandbox_that_can_not_start_leaves_the_complaint_to_the_scenario(environment):
    broken = environment(EMBEDDED + "sandbox: {tls: hosts}\nfaults: [no.such]")
    with Session() as session:
        assert session.browser_arguments([broken]) == ()


def test_a_server_can_be_lent_to_another_process(environment):
    ours, theirs = environment(EMBEDDED), environment("issuer: https://op.example", "theirs")
    with Session() as owner, Session() as borrower:
        lent = owner.lend([ours, theirs])
        assert list(lent) == [str(ours.document.path)]
        borrower.borrow(lent)
        assert borrower.issuer(ours) == owner.issuer(ours)
        assert borrower.issuer(theirs) == "https://op.example"
        borrower.close()
        assert httpx.get(f"{owner.issuer(ours)}/.well-known/openid-configuration").status_code == 200


def test_a_server_that_did_not_start_there_is_told_here(environment):
    ours = environment(EMBEDDED)
    with Session() as borrower:
        problem = Problem("sandbox-settings", "it can't")
        borrower.borrow({str(ours.document.path): Elsewhere(problems=(problem,))})
        with pytest.raises(FlowrunError) as told:
            borrower.issuer(ours)
    assert told.value.problems == (problem,)
