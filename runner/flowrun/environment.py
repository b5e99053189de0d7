"""An environment file made ready: what one deployment is like, with secrets read only where they are used."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from flowrun import profiles, rows, template, validate
from flowrun.browser.model import BrowserSettings
from flowrun.client import Assertion, Certificate, Client, Dpop, IdToken, KeyFile, RequestObject, Userinfo
from flowrun.dataclass import dataclass
from flowrun.document import Document, read
from flowrun.errors import FlowrunError, Problem, did_you_mean
from flowrun.redact import PRIVATE_MEMBERS
from flowrun.secret_values import Secrets
from flowrun.tls import Tls

if TYPE_CHECKING:
    from flowrun.redact import Redactor

FOLDER: Final = "environments"
DEFAULT: Final = "sandbox"
# Members of a user that are no secret; everything else about a person is.
_OPEN_USER_MEMBERS: Final = frozenset({"username", "name", "email"})
_SECRET_KEYS: Final = frozenset({"client_secret", "passphrase", "password", "totp"})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds: one HTTP answer, one page to appear or change, a whole browser step."""

    http: float = 10.0
    page: float = 15.0
    browse: float = 90.0


@dataclass(frozen=True, slots=True)
class Deviation:
    """A known deviation: a check that may fail here, why, and until when (an ISO date).

    One that names a `scenario` by its id is a known failure: `check` may then be the code of any problem, too.
    """

    check: str
    reason: str
    until: str = ""
    scenario: str = ""

    @property
    def ended(self) -> bool:
        """Tell whether its last day is over."""
        return bool(self.until) and date.fromisoformat(self.until) < datetime.now(UTC).date()

    @property
    def is_failure(self) -> bool:
        """Tell whether it is about a problem of one scenario; ids of checks have a dot in them, other codes none."""
        return bool(self.scenario) and "." not in self.check


@dataclass(frozen=True, slots=True)
class Environment:
    """One deployment. `issuer` is empty with `server: embedded`, until the sandbox has its port.

    `client()` and `user()` read secrets and files only when they are asked for. `pages` stay as written: their holes
    are filled when a page is met.
    """

    name: str
    document: Document
    profile: profiles.Profile
    issuer: str
    embedded: bool
    sandbox: Mapping[str, Any]
    secrets: Secrets
    redactor: Redactor
    endpoints: Mapping[str, str]
    mtls_endpoint_aliases: Mapping[str, str]
    inputs: Mapping[str, Any]
    authorize_extra: Mapping[str, Any]
    tls: Tls
    timeouts: Timeouts
    deviations: tuple[Deviation, ...]
    faults: frozenset[str]
    browser: BrowserSettings
    headers: Mapping[str, str]
    pages: Mapping[str, Mapping[str, Any]]
    warnings: list[Problem] = field(default_factory=list)
    _clients: dict[str, Client] = field(default_factory=dict)
    _found: dict[str, tuple[Problem, ...]] = field(default_factory=dict)

    def found(self, what: str, look: Callable[[], Iterable[Problem]]) -> tuple[Problem, ...]:
        """Return the problems that a look at a part of the environment finds; one look, however many scenarios ask."""
        if what not in self._found:
            self._found[what] = tuple(look())
        return self._found[what]

    def client(self, name: str = "default") -> Client:
        """Return a client, complete; raises `FlowrunError` (no such client, a missing secret, a wrong value)."""
        if name not in self._clients:
            self._clients[name] = _client(self, name)
        return self._clients[name]

    def client_names(self) -> list[str]:
        """Return the names of the clients, as written."""
        return list(self.document.data.get("clients", {}))

    def has_client(self, name: str) -> bool:
        """Tell whether there is a client of this name."""
        return name in self.document.data.get("clients", {})

    def user_names(self) -> list[str]:
        """Return the names of the users, as written."""
        return list(self.document.data.get("users", {}))

    def user(self, name: str) -> dict[str, str]:
        """Return what is known of a user, as text; raises `FlowrunError` (no such user, a missing secret)."""
        users = self.document.data.get("users", {})
        if name not in users:
            raise FlowrunError(unknown_name("user", name, users, self))
        filled = fill(self.document, ("users", name), self.secrets)
        for key, value in filled.items():
            if key not in _OPEN_USER_MEMBERS:
                self.redactor.learn(key, str(value), lasting=True)
        return {key: str(value) for key, value in filled.items()}


def written_at(environment: Environment, client: str, path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """Return where a setting of a client stands: with itself, or with one that it is `like`; None where nowhere."""
    clients = environment.document.data["clients"]
    current: str | None = client
    while current is not None:
        value: Any = clients[current]
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return ("clients", current, *path)
        current = clients[current].get("like")
    return None


def unknown_name(what: str, name: str, known: Iterable[str], environment: Environment) -> Problem:
    """Return the problem of a client or user that the environment does not have, at its list in the file."""
    names = list(known)
    return Problem(
        f"unknown-{what}",
        f"the environment '{environment.name}' has no {what} '{name}'",
        environment.document.key_at((f"{what}s",)),
        did_you_mean(name, names) or f"{what}s here: {', '.join(names) or 'none'}",
    )


def find(name: str, start: Path) -> Path:
    """Return the file of an environment: a path as it is, a name in `environments/`, looked for upward from `start`.

    Raises `FlowrunError` that lists the environments there are.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if path.is_file():
            return path
        raise FlowrunError(Problem("unknown-environment", f"there is no environment file {name}"))
    known: list[str] = []
    for folder in (start.resolve(), *start.resolve().parents):
        candidates = folder / FOLDER
        if (candidates / f"{name}.yaml").is_file():
            return candidates / f"{name}.yaml"
        if candidates.is_dir():
            known += sorted(p.name.removesuffix(".yaml") for p in candidates.glob("*.yaml"))
    near = did_you_mean(name, known)
    where = f"environments here: {', '.join(known)}" if known else f"no folder {FOLDER}/ upward from {start}"
    raise FlowrunError(Problem("unknown-environment", f"there is no environment '{name}'", None, near, hint=where))


def load(path: Path, redactor: Redactor, process: Mapping[str, str] | None = None) -> Environment:
    """Read, validate and fill an environment file; raises `FlowrunError` with every problem found."""
    document = read(path)
    _learn_literals(document.data, redactor)  # before any message can show the line they stand in
    problems = validate.complete(document, "environment")
    if problems:
        raise FlowrunError(*problems)
    data: Mapping[str, Any] = document.data
    name = data["environment"]
    secrets = Secrets(name, path.parent, os.environ if process is None else process, redactor)

    def filled(key: str, default: Any) -> Any:
        return fill(document, (key,), secrets) if key in data else default

    tls, timeouts = filled("tls", {}), filled("timeouts", {})
    environment = Environment(
        name=name,
        document=document,
        profile=profiles.load(data.get("profile", "oauth2")),
        issuer=filled("issuer", ""),
        embedded=data.get("server") == "embedded",
        sandbox=filled("sandbox", {}),
        secrets=secrets,
        redactor=redactor,
        endpoints={name: url for name, url in filled("endpoints", {}).items() if name != "mtls_endpoint_aliases"},
        mtls_endpoint_aliases=filled("endpoints", {}).get("mtls_endpoint_aliases", {}),
        inputs=filled("inputs", {}),
        authorize_extra=filled("authorize", {}).get("extra", {}),
        tls=Tls(ca=_beside(path, tls.get("ca")), verify=tls.get("verify", True)),
        timeouts=Timeouts(**{key: template.seconds(value) for key, value in timeouts.items()}),
        deviations=tuple(Deviation(**entry) for entry in filled("deviations", [])),
        faults=frozenset(filled("faults", [])),
        browser=_browser(filled("browser", {})),
        headers={**profiles.load(data.get("profile", "oauth2")).headers, **filled("headers", {})},
        pages=data.get("pages", {}),
    )
    redactor.hide_members(environment.profile.personal)
    _require_url(document, ("issuer",), environment.issuer)
    _require_known_checks(environment)
    for name, url in environment.endpoints.items():
        _require_url(document, ("endpoints", name), url)
    for name, url in environment.mtls_endpoint_aliases.items():
        _require_url(document, ("endpoints", "mtls_endpoint_aliases", name), url)
    if not environment.tls.verify:
        environment.warnings.append(
            Problem(
                "tls-not-verified",
                "TLS certificates are not verified in this environment",
                document.at(("tls", "verify")),
                "anybody on the way could be the server",
                hint="name the authority instead: tls: {ca: path/to/ca.pem}",
                warning=True,
            )
        )
    environment.warnings.extend(_ended_deviations(environment))
    if not environment.embedded:
        environment.warnings.extend(_literal_secrets(document))
        environment.warnings.extend(_placeholders(document, secrets))
    return environment


def _ended_deviations(environment: Environment) -> Iterator[Problem]:
    for index, deviation in enumerate(environment.deviations):
        if deviation.ended:
            yield Problem(
                "deviation-ended",
                f"the deviation {deviation.check} was accepted until {deviation.until}, and that is over",
                environment.document.at(("deviations", index, "until")),
                hint="take it out, or agree on another day",
                warning=True,
            )


def _require_known_checks(environment: Environment) -> None:
    """Raise `FlowrunError` for deviations of checks that there are not; every profile names them all."""
    known: Collection[str] = environment.profile.checks
    if any(one.check not in known and not one.is_failure for one in environment.deviations):
        known = {*known, *rows.ids()}  # the rules of the refusal pack; few environments name one
    problems = [
        Problem(
            "unknown-check",
            f"there is no check '{deviation.check}'",
            environment.document.at(("deviations", index, "check")),
            did_you_mean(deviation.check, known),
            hint="a run tells the id of every check that failed; docs/checks.md lists them all",
        )
        for index, deviation in enumerate(environment.deviations)
        if deviation.check not in known and not deviation.is_failure
    ]
    if problems:
        raise FlowrunError(*problems)


def fill(document: Document, path: tuple[str | int, ...], secrets: Secrets) -> Any:
    """Return the value at a path of an environment file with its holes filled from the secrets."""
    value: Any = document.data
    for part in path:
        value = value[part]
    _require_secrets(document, value, path, secrets)
    try:
        return template.fill(value, {"secrets": secrets}, path)
    except template.HoleError as error:
        raise FlowrunError(Problem(error.code, error.title, document.at(error.path), error.label)) from error


def _require_secrets(document: Document, value: Any, path: tuple[str | int, ...], secrets: Secrets) -> None:
    problems = []
    try:
        needs = list(template.needs(value, path))
    except template.HoleError as error:
        raise FlowrunError(Problem(error.code, error.title, document.at(error.path), error.label)) from error
    for need in needs:
        root, *members = need.chain
        if root == "secrets" and members and members[0] not in secrets:
            name = str(members[0])
            problems.append(
                Problem(
                    "missing-secret",
                    f"the secret {name} is not set",
                    document.at(need.path),
                    did_you_mean(name, secrets),
                    hint=f"set {name} in the process environment, or write {name}=… into "
                    f".env.{document.data['environment']} or .env beside this file",
                )
            )
        elif root not in {"secrets", *template.ALWAYS_KNOWN}:
            problems.append(
                Problem(
                    "unknown-variable",
                    f"an environment knows secrets only, not '{root}'",
                    document.at(need.path),
                    'write "{{ secrets.NAME }}"',
                )
            )
    if problems:
        raise FlowrunError(*problems)


def _learn_literals(value: Any, redactor: Redactor) -> None:
    """Make every secret that stands in the file as it is known to the redactor, private keys too."""
    if isinstance(value, list):
        for item in value:
            _learn_literals(item, redactor)
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        secret = key in _SECRET_KEYS or ("kty" in value and key in PRIVATE_MEMBERS)
        if secret and isinstance(item, str) and not template.has_hole(item):
            redactor.learn(str(key), item, lasting=True)
        _learn_literals(item, redactor)


def _browser(browser: Mapping[str, Any]) -> BrowserSettings:
    width, _, height = browser.get("window", "1280x900").partition("x")
    return BrowserSettings(
        name=browser.get("name", "chrome"),
        headless=not browser.get("headed", False),
        window=(int(width), int(height)),
        slow=template.seconds(browser.get("slow", 0)),
        isolation=browser.get("isolation", "cleared"),
        proxy=browser.get("proxy"),
        arguments=tuple(browser.get("arguments", ())),
        grid=browser.get("grid"),
        binary=browser.get("binary"),
    )


def _require_url(document: Document, path: tuple[str | int, ...], url: Any) -> None:
    """Raise `FlowrunError` for a URL that can't be taken apart: brackets, a port that is no number."""
    try:
        if isinstance(url, str):
            _ = urlsplit(url).port
    except ValueError as error:
        raise FlowrunError(Problem("bad-url", f"'{url}' is no URL: {error}", document.at(path))) from error


def _literal_secrets(document: Document) -> Iterator[Problem]:
    """Warn of secrets that stand in the file as they are."""
    for path, span in document.spans.items():
        if not path or path[-1] not in _SECRET_KEYS:
            continue
        value: Any = document.data
        for part in path:
            value = value[part]
        if isinstance(value, str) and value and not template.has_hole(value):
            yield Problem(
                "literal-secret",
                f"the {path[-1]} stands in the file as it is",
                span,
                'write "{{ secrets.NAME }}" and set NAME outside the file',
                warning=True,
            )


def _placeholders(document: Document, secrets: Secrets) -> Iterator[Problem]:
    """Warn of secrets that still are what `flowrun new` has written in their place."""
    for path in (path for path in document.spans if path):
        value: Any = document.data
        for part in path:
            value = value[part]
        if not isinstance(value, str) or "secrets" not in value:
            continue
        try:
            names = [
                str(need.chain[1]) for need in template.needs(value) if need.chain[0] == "secrets" and need.chain[1:]
            ]
        except template.HoleError:
            continue  # told where the value is used
        for name in names:
            if secrets.is_open(name):
                yield Problem(
                    "placeholder-secret",
                    f"the secret {name} is not filled in yet",
                    document.at(path),
                    hint=f"write the real one into .env.{document.data['environment']} beside this file: {name}=…",
                    warning=True,
                )


def _beside(path: Path, name: str | None) -> Path | None:
    return None if name is None else (path.parent / name).resolve()


def _client(environment: Environment, name: str) -> Client:
    document, path = environment.document, environment.document.path
    written = document.data.get("clients", {})
    chain: list[str] = []
    current: str | None = name
    while current is not None:
        if current not in written:
            unknown = unknown_name("client", current, [name for name in written if name not in chain], environment)
            raise FlowrunError(replace(unknown, at=document.at(("clients", chain[-1], "like"))) if chain else unknown)
        if current in chain:
            raise FlowrunError(
                Problem(
                    "circular-like",
                    f"the clients {' → '.join([*chain, current])} are like each other in a circle",
                    document.at(("clients", current, "like")),
                )
            )
        chain.append(current)
        current = written[current].get("like")
    data: dict[str, Any] = dict(environment.profile.client)
    for ancestor in reversed(chain):
        data = profiles.merge(data, fill(document, ("clients", ancestor), environment.secrets))
    if "client_id" not in data:
        raise FlowrunError(
            Problem("missing-key", f"the client '{name}' has no client_id", document.key_at(("clients", name)))
        )
    for member in ("redirect_uri", "jwks_uri"):
        _require_url(document, ("clients", name, member), data.get(member))
    if data.get("client_secret"):
        environment.redactor.learn_pair("client_secret", data["client_id"], data["client_secret"])
    certificate = data.get("certificate")
    return Client(
        name=name,
        client_id=str(data["client_id"]),
        redirect_uri=data.get("redirect_uri"),
        jwks_uri=data.get("jwks_uri"),
        auth=data.get("auth", "private_key_jwt"),
        basic_encoding=data.get("basic_encoding", "form"),
        client_secret=data.get("client_secret"),
        assertion=Assertion(**_jwt_settings(data.get("assertion", {}), "JWT")),
        request_object=RequestObject(**_jwt_settings(data.get("request_object", {}), "oauth-authz-req+jwt")),
        id_token=IdToken(**data.get("id_token", {})),
        userinfo=Userinfo(**data.get("userinfo", {})),
        sender_constraint=data.get("sender_constraint", "none"),
        dpop=Dpop(**data.get("dpop", {})),
        keys={key: _key_file(path, value, environment.redactor) for key, value in data.get("keys", {}).items()},
        certificate=certificate
        and Certificate(
            (path.parent / certificate["file"]).resolve(),
            _beside(path, certificate.get("key")),
            tuple(certificate["hosts"]) if "hosts" in certificate else None,
            certificate.get("header"),
        ),
        names=data.get("names", {}),
    )


def _jwt_settings(written: Mapping[str, Any], typ: str) -> dict[str, Any]:
    """Turn what is written into the fields of a dataclass: durations in seconds, `typ: true` the registered one."""
    settings = dict(written)
    if "lifetime" in settings:
        settings["lifetime"] = template.seconds(settings["lifetime"])
    if isinstance(settings.get("typ"), bool):
        settings["typ"] = typ if settings["typ"] else None
    return settings


def _key_file(path: Path, written: Mapping[str, Any], redactor: Redactor) -> KeyFile:
    redactor.learn("passphrase", written.get("passphrase"), lasting=True)
    return KeyFile(
        _beside(path, written.get("file")), written.get("kid"), written.get("passphrase"), written.get("jwk")
    )
