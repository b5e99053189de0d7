"""flowrun new: a first scenario and its environment, from a few questions or from options."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from flowrun import installed, profiles, starter
from flowrun.cli.common import fail
from flowrun.dataclass import dataclass
from flowrun.document import shown
from flowrun.environment import FOLDER
from flowrun.errors import FlowrunError, Problem, did_you_mean
from flowrun.secret_values import PLACEHOLDER

AUTH: Final = ("private_key_jwt", *sorted(starter.WITH_SECRET), *sorted(starter.WITH_CERTIFICATE), "none")
EMBEDDED_AUTH: Final = ("private_key_jwt", "client_secret_basic", "client_secret_post", "none")
_IGNORED: Final = ".env*\n!.env*.example\n"
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@click.command(name="new", short_help="Write a first scenario and its environment.")
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--embedded", is_flag=True, help="Use the server that comes with flowrun.")
@click.option("--issuer", help="The server's issuer, a URL.")
@click.option("--name", help="The environment's name; the issuer's host if not given.")
@click.option("--profile", help="The rules to measure by; fapi2 if not given.")
@click.option("--client-id", help="The client's id at the server.")
@click.option("--redirect-uri", help="The client's redirect_uri, as registered.")
@click.option("--auth", type=click.Choice(AUTH), help="How the client says who it is; the profile's if not given.")
@click.option("--key", type=click.Path(path_type=Path), help="The private key to sign with; a new one if not given.")
@click.option("--kid", help="The id under which the server knows the key; NAME-1 if not given.")
@click.option("--certificate", type=click.Path(path_type=Path), help="The client certificate, PEM.")
@click.option("--certificate-key", type=click.Path(path_type=Path), help="Its private key, PEM.")
@click.option("--user", help="The name a person signs in with; alice if not given.")
@click.option("--scope", help="What to ask for; openid if not given.")
@click.option("--par/--no-par", default=None, help="Push the request (PAR); the profile decides if not given.")
@click.option("--sign/--no-sign", default=None, help="Sign the request; as --par, where there is a key.")
@click.option("--scenario", "title", default="first_login", show_default=True, help="The scenario's file name.")
@click.option("--schemas", is_flag=True, help="Put a copy of the schemas beside, for editors of several people.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def command(folder: Path, title: str, schemas: bool, force: bool, **given: Any) -> None:
    """Write a scenario, its environment and a file for its secrets into FOLDER; `flowrun check` finds nothing wrong.

    On a terminal it asks for what no option gives; elsewhere it takes the defaults, and says what is missing.

    Exit codes: 0 written · 2 something is missing, or would be overwritten.
    """
    try:
        answers, key = _answers(_Asker(given, asks=_on_terminal()), folder)
        paths = _write(_texts(folder, title, answers, key, schemas=schemas), force=force)
    except FlowrunError as error:
        fail(error)
    for path in paths:
        click.echo(f"wrote {shown(path)}")
    click.echo("\n".join(["", "next", *_next(answers, folder, title, own_key=bool(key))]))
    if "$schema=file:" in modeline(folder / FOLDER / "any.yaml", "environment") and not schemas:
        click.echo(
            "\nEditors take the schemas from this installation; --schemas puts a copy beside the files to share."
        )


def _on_terminal() -> bool:
    return sys.stdin.isatty()


# --- answers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asker:
    """Gives a value: the option's, else the person's, else the default; raises `FlowrunError` if there is none."""

    given: Mapping[str, Any]
    asks: bool

    def text(self, name: str, question: str, default: str | None, choices: Iterable[str] = ()) -> str:
        """Return a text; `default` None says that there must be an answer."""
        if self.given[name] is not None:
            return str(self.given[name])
        if self.asks:
            kind = click.Choice(list(choices)) if choices else str
            return str(click.prompt(question, default=default, type=kind, show_default=bool(default)))
        if default is None:
            option = f"--{name.replace('_', '-')}"
            hint = f"give {option}" + (
                ", or --embedded for the server that comes with flowrun" if name == "issuer" else ""
            )
            raise FlowrunError(Problem("missing-option", f"{option} is missing: {question}", hint=hint))
        return default

    def truth(self, name: str, question: str, *, default: bool) -> bool:
        """Return yes or no."""
        if self.given[name] is not None:
            return bool(self.given[name])
        return click.confirm(question, default=default) if self.asks else default

    def path(self, name: str) -> Path | None:
        """Return a file that an option names; raises `FlowrunError` if it is not there."""
        path: Path | None = self.given[name]
        if path is not None and not path.is_file():
            option = f"--{name.replace('_', '-')}"
            raise FlowrunError(Problem("file-missing", f"{option}: there is no file {path}"))
        return path


def _answers(asker: _Asker, folder: Path) -> tuple[starter.Answers, str]:
    """Return the answers, and a new private key if one is needed and none was named."""
    issuer = _issuer(asker)
    if not issuer:  # everything about that server is known
        asker = _Asker(asker.given, asks=False)
    name = asker.text("name", "Name of the environment", starter.name_of(issuer))
    if not _NAME.fullmatch(name) or name.endswith(".example"):
        label = "names that end in .example are for templates" if name.endswith(".example") else ""
        raise FlowrunError(Problem("wrong-value", f"--name {name}: use letters, digits, _, . and -", None, label))
    profile = _profile(asker)
    client_id = asker.text("client_id", "The client's id at the server", None if issuer else "flowrun-example")
    callback = None if issuer else "https://app.flowrun.example/callback"
    redirect_uri = asker.text("redirect_uri", "The client's redirect_uri, as registered", callback)
    usual = str(profile.client.get("auth", "client_secret_basic"))
    auth = asker.text("auth", "How the client says who it is", usual, AUTH if issuer else EMBEDDED_AUTH)
    if not issuer and auth not in EMBEDDED_AUTH:
        known = ", ".join(EMBEDDED_AUTH)
        raise FlowrunError(Problem("wrong-value", f"--auth {auth}: the embedded server knows {known}"))
    certificate, certificate_key = asker.path("certificate"), asker.path("certificate_key")
    if auth in starter.WITH_CERTIFICATE and certificate is None:
        raise FlowrunError(Problem("missing-option", f"--certificate is missing: {auth} needs one"))
    user = asker.text("user", "The name a person signs in with", "alice")
    scope = asker.text("scope", "Scope to ask for", "openid" if issuer else "openid offline_access")
    par = asker.truth("par", "Push the request (PAR)?", default=profile.level("disc.par") == "must")
    named = asker.path("key")
    sign = asker.truth("sign", "Sign the request?", default=par and (auth in starter.WITH_KEY or named is not None))
    fresh = ""
    key = _from(folder, named)
    if named is None and (sign or auth in starter.WITH_KEY):
        key, fresh = f"../keys/{name}/signing.pem", _kept_key(folder, name)
    kid = asker.text("kid", "The id under which the server knows the key", f"{name}-1") if key else ""
    made = starter.Answers(
        name=name,
        issuer=issuer,
        profile=profile.name,
        client_id=client_id,
        redirect_uri=redirect_uri,
        auth=auth,
        kid=kid,
        user=user,
        scope=scope,
        par=par,
        sign=sign,
        key=key,
        certificate=_from(folder, certificate),
        certificate_key=_from(folder, certificate_key),
    )
    return made, fresh


def _issuer(asker: _Asker) -> str:
    if asker.given["embedded"]:
        if asker.given["issuer"]:
            raise FlowrunError(Problem("bad-option", "--embedded and --issuer exclude each other"))
        return ""
    question = "The server's issuer, a URL" + (" (nothing: the server that comes with flowrun)" if asker.asks else "")
    issuer = asker.text("issuer", question, "" if asker.asks else None)
    if issuer and not re.fullmatch(r"https?://\S+", issuer):
        raise FlowrunError(Problem("wrong-value", f"--issuer {issuer}: write a URL that begins with https://"))
    return issuer


def _profile(asker: _Asker) -> profiles.Profile:
    known = profiles.names()
    name = asker.text("profile", "Rules to measure by", "fapi2", known)
    if name not in known:
        near = did_you_mean(name, known)
        raise FlowrunError(Problem("wrong-value", f"--profile {name}: one of {', '.join(known)}", None, near))
    return profiles.load(name)


def _from(folder: Path, path: Path | None) -> str:
    """Return a path as the environment file writes it: relative to its own folder."""
    return "" if path is None else Path(os.path.relpath(path, folder / FOLDER)).as_posix()


def _kept_key(folder: Path, name: str) -> str:
    """Return the key that an earlier `flowrun new` made, else a new one: a registered key is never thrown away."""
    from flowrun.jose.fresh import new_pem  # noqa: PLC0415  cryptography takes long to import

    path = folder / "keys" / name / "signing.pem"
    return path.read_text("ascii") if path.is_file() else new_pem()


# --- files -----------------------------------------------------------------------------------------------------------


def modeline(file: Path, schema: str, schemas: Path | None = None) -> str:
    """Return the line that tells editors the schema of a file.

    It names the folder `schemas`, or the nearest `schemas/` upward, by a relative path, which holds on every machine.
    Without one it is the URI of the schemas of this installation: no relative path leads there, and nothing else
    serves them.
    """
    wanted = f"{schema}.json"
    folder = file.parent.resolve()
    upward = (above / "schemas" for above in (folder, *folder.parents))
    home = schemas or next((one for one in upward if (one / wanted).is_file() and (one / "step.json").is_file()), None)
    if home is not None:
        return f"# yaml-language-server: $schema={Path(os.path.relpath(home.resolve() / wanted, folder)).as_posix()}"
    shipped = installed.folder("flowrun.schemas") / wanted
    return f"# yaml-language-server: $schema={shipped.resolve().as_uri()}"


def _texts(folder: Path, title: str, answers: starter.Answers, key: str, *, schemas: bool) -> dict[Path, str]:
    """Return every file to write. A key and what comes from it stay out of the repository by a .gitignore of theirs."""
    scenario = folder / f"{title.removesuffix('.yaml')}.yaml"
    environment = folder / FOLDER / f"{answers.name}.yaml"
    copies = folder / "schemas" if schemas else None
    texts = {
        scenario: starter.scenario(answers, modeline(scenario, "scenario", copies)),
        environment: starter.environment(answers, modeline(environment, "environment", copies)),
    }
    if not answers.embedded:
        texts[folder / FOLDER / f".env.{answers.name}"] = starter.secrets(answers, PLACEHOLDER)
        texts[folder / FOLDER / f".env.{answers.name}.example"] = starter.secrets(answers, "")
        texts[folder / FOLDER / ".gitignore"] = _IGNORED
    if key:
        keys = folder / "keys" / answers.name
        texts |= {keys / "signing.pem": key, keys / ".gitignore": "*\n"}
        if not answers.embedded:
            texts[keys / "public.jwks.json"] = _public(key, answers.kid)
    if copies:
        texts |= _schemas(copies)
    return texts


def _public(pem: str, kid: str) -> str:
    from flowrun.jose.fresh import public_jwks  # noqa: PLC0415

    return public_jwks(pem, kid, "PS256")


def _schemas(folder: Path) -> dict[Path, str]:
    source = installed.folder("flowrun.schemas")
    return {folder / file.relative_to(source): file.read_text("utf-8") for file in sorted(source.rglob("*.json"))}


def _write(texts: Mapping[Path, str], *, force: bool) -> list[Path]:
    """Write the files and return those that are new or changed; nothing is written if one would be lost.

    A .gitignore, a key and secrets that are there already stay as they are, also with --force.
    """
    kept = {path for path in texts if path.is_file() and (path.name == ".gitignore" or _secret(path))}
    new = {path: text for path, text in texts.items() if path not in kept and not _same(path, text)}
    there = [path for path in new if path.exists()]
    if there and not force:
        names = ", ".join(map(shown, there))
        hint = "choose another --name, --scenario or folder, or --force to write over it"
        raise FlowrunError(Problem("would-overwrite", f"there is already {names}", hint=hint))
    try:
        for path, text in new.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600 if _secret(path) else 0o666)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise FlowrunError(Problem("unwritable", f"{error.filename} can't be written: {error.strerror}")) from error
    return list(new)


def _secret(path: Path) -> bool:
    return path.suffix == ".pem" or (path.name.startswith(".env.") and path.suffix != ".example")


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def _next(answers: starter.Answers, folder: Path, title: str, *, own_key: bool) -> list[str]:
    """Return what is left to do."""
    scenario = shown(folder / f"{title.removesuffix('.yaml')}.yaml")
    deeds = []
    if not answers.embedded:
        deeds.append(f"fill in {shown(folder / FOLDER / f'.env.{answers.name}')}")
        if own_key:
            deeds.append(f"register {shown(folder / 'keys' / answers.name / 'public.jwks.json')} with the server")
        deeds.append(
            f"compare the pages in {shown(folder / FOLDER / f'{answers.name}.yaml')} with what they really show"
        )
    deeds += [f"flowrun check {scenario}", f"flowrun {scenario}"]
    return [f"  {number}. {deed}" for number, deed in enumerate(deeds, 1)]
