"""The files that `flowrun new` writes, from answers to text; nothing is read or written here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from flowrun.dataclass import dataclass

SANDBOX_PASSWORD: Final = "sandbox-password"  # noqa: S105  of the server that comes with flowrun; it guards nothing
WITH_KEY: Final = frozenset({"private_key_jwt"})
WITH_SECRET: Final = frozenset({"client_secret_basic", "client_secret_post", "client_secret_jwt"})
WITH_CERTIFICATE: Final = frozenset({"tls_client_auth", "self_signed_tls_client_auth"})


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of the server and the client.

    `issuer` is empty for the embedded sandbox. `key`, `certificate` and `certificate_key` are paths as the environment
    file shall write them, empty for none.
    """

    name: str
    issuer: str
    profile: str
    client_id: str
    redirect_uri: str
    auth: str
    kid: str
    user: str
    scope: str
    par: bool
    sign: bool
    key: str = ""
    certificate: str = ""
    certificate_key: str = ""

    @property
    def embedded(self) -> bool:
        """Whether the server is the one that comes with flowrun."""
        return not self.issuer

    @property
    def user_name(self) -> str:
        """The name that scenarios call the person by: `alice` for alice@example.com."""
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", self.user.partition("@")[0]).strip("_")
        return plain if re.match(r"[A-Za-z_]", plain) else f"user_{plain}".rstrip("_")

    @property
    def password_name(self) -> str:
        """The name of the secret that holds the person's password."""
        return f"{self.user_name.upper()}_PASSWORD"


def name_of(issuer: str) -> str:
    """Return a name for the environment of an issuer: its host's, `sandbox` for the embedded server."""
    host = urlsplit(issuer).hostname or "" if issuer else "sandbox"
    return re.sub(r"[^A-Za-z0-9_-]+", "-", host).strip("-") or "server"


def scenario(answers: Answers, modeline: str) -> str:
    """Return a scenario with one sign-in, from discovery to tokens."""
    needs = [*(["par"] if answers.par else []), *(["signed_request"] if answers.sign else [])]
    asks_refresh = "offline_access" in answers.scope.split()
    return _text(
        modeline,
        "scenario: A person signs in and the client gets tokens",
        "why: The first thing to see working; copy this file and change the difference.",
        "tags: [smoke]",
        f"needs: [{', '.join(needs)}]" if needs else None,
        f"environment: {_scalar(answers.name)} # unless --env says otherwise",
        "",
        "authorization: # client_id, redirect_uri, state, nonce and PKCE are added and checked by themselves",
        f"  scope: {_scalar(answers.scope)}",
        "",
        "steps:",
        "  - discover",
        "  - sign: request_object" if answers.sign else None,
        *(["  - push:", "    expect:", "      expires_in: {between: [5, 600]}"] if answers.par else []),
        f"  - browse: {{user: {_scalar(answers.user_name)}, answers: {{consent: approve}}}}",
        "  - exchange:",
        "    expect:",
        "      access_token: {is: present}",
        "      refresh_token: {is: present}" if answers.embedded and asks_refresh else None,
    )


def environment(answers: Answers, modeline: str) -> str:
    """Return the environment: server, client, one user, pages."""
    return _text(
        modeline,
        "# The server that comes with flowrun; it starts with the run and ends with it. Nothing here is secret."
        if answers.embedded
        else f"# Secrets are in .env.{answers.name}, which stays out of the repository.",
        f"environment: {_scalar(answers.name)}",
        f"profile: {answers.profile}",
        "server: embedded" if answers.embedded else f"issuer: {_scalar(answers.issuer)}",
        "clients:",
        "  default:",
        *(f"    {line}" for line in _client(answers)),
        "users:",
        f"  {_scalar(answers.user_name)}:",
        f"    username: {_scalar(answers.user)}",
        f"    password: {SANDBOX_PASSWORD}"
        if answers.embedded
        else f'    password: "{{{{ secrets.{answers.password_name} }}}}"',
        *(_SANDBOX_PAGES if answers.embedded else _PAGES),
    )


def _client(answers: Answers) -> Iterable[str]:
    yield f"client_id: {_scalar(answers.client_id)}"
    yield f"redirect_uri: {_scalar(answers.redirect_uri)} # need not exist: the browser is stopped on the way there"
    yield f"auth: {answers.auth}"
    if answers.auth in WITH_SECRET:
        secret = "a-secret-of-the-sandbox" if answers.embedded else "{{ secrets.CLIENT_SECRET }}"
        yield f"client_secret: {_scalar(secret)}"
    if answers.auth == "client_secret_jwt":
        yield "assertion: {alg: HS256}"
    yield f"request_object: {{required: {str(answers.sign).lower()}}}"
    if answers.key:
        yield f"keys: {{signing: {{file: {_scalar(answers.key)}, kid: {_scalar(answers.kid)}}}}}"
    if answers.certificate:
        key = f", key: {_scalar(answers.certificate_key)}" if answers.certificate_key else ""
        yield f"certificate: {{file: {_scalar(answers.certificate)}{key}}}"
        yield "sender_constraint: mtls"
    else:
        yield "sender_constraint: none # mtls, with certificate: {file: …, key: …}, where tokens are bound to it"


def secrets(answers: Answers, value: str) -> str:
    """Return the file of secrets, each with this value; empty when there are none."""
    names = [*(["CLIENT_SECRET"] if answers.auth in WITH_SECRET else []), answers.password_name]
    if answers.embedded:
        return ""
    return _text(f"# Secrets of the environment {answers.name}.", *(f"{name}={value}" for name in names))


def _text(*lines: str | None) -> str:
    return "".join(f"{line}\n" for line in lines if line is not None)


def _scalar(text: str) -> str:
    """Return a text as YAML: as it is where that is safe everywhere, also between braces, else in quotes."""
    plain = re.fullmatch(r"[A-Za-z_/.](?:[\w./@+~-]|:(?=//)| (?=[\w./@+~-]))*", text)
    word = text.lower() in {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
    return text if plain and not word else json.dumps(text, ensure_ascii=False)


_PAGES: Final = (
    "pages: # change these words to what your pages show; a page that is not described ends the run",
    "  login:",
    "    shows: {field: Username}",
    "    do:",
    '      - fill: {Username: "{{ user.username }}", Password: "{{ user.password }}"}',
    "      - press: Log in",
    "    failed_if: {text: Invalid}",
    "  consent:",
    "    shows: {button: Approve}",
    "    answers:",
    "      approve: [{press: Approve}]",
    "      deny: [{press: Deny}]",
)
_SANDBOX_PAGES: Final = (
    "pages:",
    "  login:",
    "    shows: {heading: Sign in, field: User name}",
    "    do:",
    '      - fill: {User name: "{{ user.username }}", Password: "{{ user.password }}"}',
    "      - press: Sign in",
    "    failed_if: {text: Invalid credentials}",
    "  consent:",
    "    shows: {heading: Approve access}",
    "    answers:",
    "      approve: [{press: Approve}]",
    "      deny: [{press: Deny}]",
    "  error:",
    "    shows: {heading: Something went wrong}",
    "    means: refused",
)
