"""What `flowrun new` writes is right at once, in any folder, and never in place of something else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from flowrun import starter
from flowrun.cli import cli, new
from flowrun.document import read
from flowrun.jose import load_key
from flowrun.secret_values import PLACEHOLDER
from flowrun.validate import check, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

REAL = ("--issuer", "https://auth1.bank.example", "--client-id", "5a1c", "--redirect-uri", "https://app.example/cb")
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


@pytest.fixture
def flowrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str, typed: str = "") -> Result:
        return CliRunner().invoke(cli, list(args), input=typed, prog_name="flowrun")

    return run


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def schema_of(file: Path) -> Path:
    """Resolve the modeline as the language server does: a relative path from the file, a URI as it is."""
    [reference] = MODELINE.findall(file.read_text("utf-8").splitlines()[0])
    return Path(reference.removeprefix("file://")) if reference.startswith("file:") else file.parent / reference


def test_the_embedded_server_needs_no_answers(flowrun: Callable[..., Result], tmp_path: Path) -> None:
    result = flowrun("new", "--embedded")

    assert result.exit_code == 0, result.stderr
    assert files(tmp_path) == {
        "first_login.yaml",
        "environments/sandbox.yaml",
        "keys/sandbox/signing.pem",
        "keys/sandbox/.gitignore",
    }
    assert "flowrun first_login.yaml" in result.stdout
    checked = flowrun("check", ".")
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.stdout == "1 scenario in sandbox: nothing wrong found, nothing was sent\n"


@pytest.mark.sandbox
@pytest.mark.browser
def test_what_is_written_for_the_embedded_server_runs_green(flowrun: Callable[..., Result]) -> None:
    assert flowrun("new", "--embedded").exit_code == 0

    result = flowrun("first_login.yaml", "--strict")

    assert result.exit_code == 0, result.output
    assert "passed in" in result.output


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--no-par", "--no-sign"),
        ("--profile", "oauth2"),
        ("--profile", "ofm", "--scope", "openid accounts"),
        ("--profile", "oidc-basic", "--auth", "none", "--par"),
        ("--auth", "client_secret_jwt", "--user", "Ünal Öz@bank.example"),
        ("--auth", "client_secret_basic", "--sign"),
        ("--name", "uat", "--kid", "a: b", "--client-id", "{{ secrets.ALICE_PASSWORD }}"),
    ],
    ids=" ".join,
)
def test_whatever_is_answered_check_finds_nothing_wrong(
    options: tuple[str, ...], flowrun: Callable[..., Result], tmp_path: Path
) -> None:
    result = flowrun("new", "suite", *REAL, *options)

    assert result.exit_code == 0, result.output
    checked = flowrun("check", "suite")
    assert checked.exit_code == 0, checked.output
    assert set(re.findall(r"^\w+\[[\w-]+\]", checked.stderr, re.MULTILINE)) == {"warning[placeholder-secret]"}
    [secrets] = [file for file in (tmp_path / "suite/environments").glob(".env.*") if file.suffix != ".example"]
    secrets.write_text(secrets.read_text("utf-8").replace(PLACEHOLDER, "f1lled in#"), "utf-8")
    checked = flowrun("check", "suite")
    assert (checked.exit_code, checked.stderr) == (0, ""), checked.output
    for file in (tmp_path / "suite").rglob("*.yaml"):
        kind = "environment" if file.parent.name == "environments" else "scenario"
        assert check(read(file), kind) == []


@pytest.mark.parametrize("auth", new.EMBEDDED_AUTH)
def test_the_embedded_server_takes_each_authentication(auth: str, flowrun: Callable[..., Result]) -> None:
    assert flowrun("new", "--embedded", "--auth", auth).exit_code == 0

    checked = flowrun("check", ".")

    assert (checked.exit_code, checked.stderr) == (0, "")


def test_every_authentication_of_the_schema_can_be_chosen() -> None:
    offered = schema("environment")["definitions"]["client"]["properties"]["auth"]["anyOf"][0]["enum"]

    assert set(new.AUTH) == set(offered)


def test_the_real_server_gets_secrets_and_a_public_key_to_register(
    flowrun: Callable[..., Result], tmp_path: Path
) -> None:
    result = flowrun("new", *REAL, "--name", "uat", "--auth", "client_secret_post", "--sign")

    assert files(tmp_path) == {
        "first_login.yaml",
        "environments/uat.yaml",
        "environments/.env.uat",
        "environments/.env.uat.example",
        "environments/.gitignore",
        "keys/uat/signing.pem",
        "keys/uat/.gitignore",
        "keys/uat/public.jwks.json",
    }
    assert (tmp_path / "environments/.env.uat.example").read_text() == (
        "# Secrets of the environment uat.\nCLIENT_SECRET=\nALICE_PASSWORD=\n"
    )
    assert "  1. fill in environments/.env.uat\n" in result.stdout
    [jwk] = json.loads((tmp_path / "keys/uat/public.jwks.json").read_text())["keys"]
    private = load_key(tmp_path / "keys/uat/signing.pem")
    assert (jwk["kid"], jwk["n"]) == ("uat-1", private.public_jwk()["n"])
    assert not {"d", "p", "q"} & set(jwk)
    assert (tmp_path / "keys/uat/signing.pem").stat().st_mode & 0o077 == 0
    assert (tmp_path / "environments/.env.uat").stat().st_mode & 0o077 == 0


def test_git_takes_neither_secrets_nor_private_keys(flowrun: Callable[..., Result], tmp_path: Path) -> None:
    flowrun("new", *REAL, "--name", "uat")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    listed = subprocess.run(
        ["git", "-C", tmp_path, "ls-files", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()

    assert set(listed) == {
        "first_login.yaml",
        "environments/uat.yaml",
        "environments/.env.uat.example",
        "environments/.gitignore",
    }


def test_a_name_that_git_would_take_for_a_template_is_refused(flowrun: Callable[..., Result], tmp_path: Path) -> None:
    result = flowrun("new", *REAL, "--name", "bank.example")

    assert result.exit_code == 2
    assert "names that end in .example are for templates" in result.stderr
    assert files(tmp_path) == set()


def test_a_key_of_ones_own_is_named_from_the_environment_file(
    flowrun: Callable[..., Result], tmp_path: Path, repo: Path
) -> None:
    shutil.copy(repo / "keys.example" / "client-signing.pem", tmp_path / "mine.pem")

    result = flowrun("new", "suite", *REAL, "--key", "mine.pem", "--kid", "k1")

    assert result.exit_code == 0, result.stderr
    assert not (tmp_path / "suite/keys").exists()
    [environment] = (tmp_path / "suite/environments").glob("*.yaml")
    assert "keys: {signing: {file: ../../mine.pem, kid: k1}}" in environment.read_text()
    assert flowrun("check", "suite").exit_code == 0


def test_a_certificate_binds_tokens_to_it(flowrun: Callable[..., Result], tmp_path: Path, repo: Path) -> None:
    for name in ("tls.pem", "tls.key"):
        shutil.copy(repo / "keys.example" / name, tmp_path)

    result = flowrun("new", *REAL, "--certificate", "tls.pem", "--certificate-key", "tls.key", "--profile", "ofm")

    assert result.exit_code == 0, result.stderr
    [environment] = (tmp_path / "environments").glob("*.yaml")
    text = environment.read_text()
    assert "certificate: {file: ../tls.pem, key: ../tls.key}\n    sender_constraint: mtls\n" in text
    assert flowrun("check", ".").exit_code == 0


# --- what is missing, what is there ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "error[missing-option]: --issuer is missing"),
        (REAL[:2], "error[missing-option]: --client-id is missing"),
        (REAL[:4], "error[missing-option]: --redirect-uri is missing"),
        (("--embedded", "--issuer", "https://x.example"), "--embedded and --issuer exclude each other"),
        (("--issuer", "bank.example"), "write a URL that begins with https://"),
        ((*REAL, "--name", "a b"), "--name a b: use letters"),
        ((*REAL, "--profile", "fapi"), "did you mean 'fapi2'?"),
        ((*REAL, "--key", "no.pem"), "error[file-missing]: --key: there is no file no.pem"),
        ((*REAL, "--auth", "tls_client_auth"), "--certificate is missing"),
        (("--embedded", "--auth", "tls_client_auth"), "the embedded server knows private_key_jwt"),
    ],
)
def test_without_a_terminal_it_says_what_is_missing_and_writes_nothing(
    args: tuple[str, ...], said: str, flowrun: Callable[..., Result], tmp_path: Path
) -> None:
    result = flowrun("new", *args, typed="y\n" * 20)

    assert result.exit_code == 2
    assert said in result.stderr
    assert files(tmp_path) == set()


def test_nothing_is_written_over_unless_forced(flowrun: Callable[..., Result], tmp_path: Path) -> None:
    flowrun("new", *REAL, "--name", "uat")
    environment, key = tmp_path / "environments/uat.yaml", tmp_path / "keys/uat/signing.pem"
    secrets = tmp_path / "environments/.env.uat"
    environment.write_text("mine\n")
    secrets.write_text("ALICE_PASSWORD=real\n")
    made = key.read_text()
    before = {file: (tmp_path / file).read_bytes() for file in files(tmp_path)}

    result = flowrun("new", *REAL, "--name", "uat", "--scope", "openid other")

    assert result.exit_code == 2
    assert "error[would-overwrite]: there is already first_login.yaml, environments/uat.yaml\n" in result.stderr
    assert {file: (tmp_path / file).read_bytes() for file in files(tmp_path)} == before
    assert flowrun("new", *REAL, "--name", "uat", "--force").exit_code == 0
    assert environment.read_text() != "mine\n"
    assert secrets.read_text() == "ALICE_PASSWORD=real\n", "secrets are never thrown away"
    assert key.read_text() == made, "nor a key that may be registered"


def test_a_second_environment_beside_the_first(flowrun: Callable[..., Result], tmp_path: Path) -> None:
    flowrun("new", "--embedded")

    result = flowrun("new", *REAL, "--name", "uat", "--scenario", "uat_login")

    assert result.exit_code == 0, result.stderr
    assert {"environments/sandbox.yaml", "environments/uat.yaml", "uat_login.yaml"} <= files(tmp_path)
    assert flowrun("check", ".").exit_code == 0


def test_the_same_answers_again_change_nothing(flowrun: Callable[..., Result]) -> None:
    flowrun("new", *REAL)

    result = flowrun("new", *REAL)

    assert result.exit_code == 0
    assert "wrote" not in result.stdout


# --- questions -------------------------------------------------------------------------------------------------------


def test_on_a_terminal_it_asks_for_what_no_option_gives(
    flowrun: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new, "_on_terminal", lambda: True)
    answers = {
        "issuer": "https://auth1.bank.example",
        "name": "uat",
        "profile": "fapi3\nfapi2",
        "client_id": "5a1c",
        "redirect_uri": "https://app.example/cb",
        "auth": "",  # the default
        "scope": "openid accounts",
        "par": "n",
        "sign": "y",
        "kid": "k7",
    }

    result = flowrun("new", "--user", "bob", typed="\n".join([*answers.values(), ""]))

    assert result.exit_code == 0, result.output
    text = (tmp_path / "environments/uat.yaml").read_text()
    assert "'fapi3' is not one of" in result.output
    assert '    client_id: "5a1c"\n' in text
    assert "kid: k7" in text
    assert "  bob:\n    username: bob\n" in text
    scenario = (tmp_path / "first_login.yaml").read_text()
    assert "  scope: openid accounts\n" in scenario
    assert "  - push" not in scenario
    assert "  - sign: request_object\n" in scenario
    assert flowrun("check", ".").exit_code == 0


def test_no_issuer_on_a_terminal_is_the_embedded_server(
    flowrun: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new, "_on_terminal", lambda: True)

    result = flowrun("new", typed="\n")

    assert result.exit_code == 0, result.output
    assert "server: embedded\n" in (tmp_path / "environments/sandbox.yaml").read_text()


# --- the modeline ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [".", "a", "a/b/c"])
def test_the_modeline_leads_to_the_schemas_above_from_any_depth(
    folder: str, flowrun: Callable[..., Result], tmp_path: Path, repo: Path
) -> None:
    shutil.copytree(repo / "schemas", tmp_path / "schemas")

    flowrun("new", folder, "--embedded")

    for file, wanted in (("first_login.yaml", "scenario"), ("environments/sandbox.yaml", "environment")):
        path = tmp_path / folder / file
        assert "$schema=../" in path.read_text() or folder == "."
        assert "file:" not in path.read_text().splitlines()[0]
        assert schema_of(path).resolve() == tmp_path / "schemas" / f"{wanted}.json"


def test_without_schemas_above_it_is_the_uri_of_the_installed_ones(
    flowrun: Callable[..., Result], tmp_path: Path
) -> None:
    result = flowrun("new", "--embedded")

    for file, wanted in (("first_login.yaml", "scenario"), ("environments/sandbox.yaml", "environment")):
        assert MODELINE.findall((tmp_path / file).read_text())[0].startswith("file:///")
        assert json.loads(schema_of(tmp_path / file).read_text()) == schema(wanted)
    assert "--schemas puts a copy beside" in result.stdout


def test_a_folder_called_schemas_of_somebody_else_is_not_ours(flowrun: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/scenario.json").write_text("{}")

    flowrun("new", "--embedded")

    assert json.loads(schema_of(tmp_path / "first_login.yaml").read_text()) == schema("scenario")


def test_schemas_can_be_copied_for_a_folder_of_several_people(flowrun: Callable[..., Result], tmp_path: Path) -> None:
    result = flowrun("new", "suite", "--embedded", "--schemas")

    assert result.exit_code == 0, result.stderr
    assert "--schemas puts" not in result.stdout
    for file, wanted in (("first_login.yaml", "scenario"), ("environments/sandbox.yaml", "environment")):
        path = tmp_path / "suite" / file
        assert schema_of(path).resolve() == tmp_path / "suite" / "schemas" / f"{wanted}.json"
        assert "file:" not in path.read_text().splitlines()[0]
    assert json.loads((tmp_path / "suite/schemas/steps/push.json").read_text()) == schema("steps/push")


def test_in_this_repository_no_machine_path_is_written(repo: Path) -> None:
    for file, wanted in ((repo / "x" / "y.yaml", "scenario"), (repo / "scenarios/environments/z.yaml", "environment")):
        line = new.modeline(file, wanted)

        assert line == f"# yaml-language-server: $schema={os.path.relpath(repo / 'schemas', file.parent)}/{wanted}.json"


# --- texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "name"),
    [
        ("https://auth1.uat.example/tenant", "auth1-uat-example"),
        ("http://127.0.0.1:9400", "127-0-0-1"),
        ("http://[::1]:9400", "1"),
        ("", "sandbox"),
    ],
)
def test_the_name_that_is_proposed(issuer: str, name: str) -> None:
    assert starter.name_of(issuer) == name


@pytest.mark.parametrize(
    "text",
    ["true", "No", "1", "a: b", "a #b", "{{ x }}", "a, b", "it's", "x}", "- a", "openid accounts", "https://x/y", ""],
)
def test_a_text_comes_back_as_it_went_in(text: str, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"plain: {starter._scalar(text)}\nflow: {{a: {starter._scalar(text)}, b: 1}}\n", "utf-8")

    assert read(file).data == {"plain": text, "flow": {"a": text, "b": 1}}
