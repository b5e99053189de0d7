"""Secrets out of everything that is shown: by origin, by value, and in every form that a value takes on the wire."""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from flowrun.errors import Span

T = TypeVar("T")

SHORTEST: Final = 8  # shorter values are hidden at their origin only, or every "alice" would turn into a blank

# A compact JWS or JWE, or the beginning of one; claims are shown decoded elsewhere, the text would still be usable.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}")
_MASK = re.compile(r"‹[^‹›]+›")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)
# A private key as JSON in a text, wherever it came from.
_JWK_MEMBER = re.compile(r'("(?:d|p|q|dp|dq|qi|k)"\s*:\s*")[A-Za-z0-9_=-]{8,}(?=")')
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_TOKEN_HEADER = re.compile(r"\b(Bearer|DPoP|Basic) [A-Za-z0-9._~+/=-]{8,}")

SECRET_MEMBERS: Final = frozenset(
    {
        "access_token",
        "auth_req_id",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "device_code",
        "id_token",
        "password",
        "refresh_token",
        "registration_access_token",
        "request",
        "response",
        "subject_token",
        "token",
    }
)
SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "dpop", "proxy-authorization", "set-cookie"})
# A secret under its name in a text: a member of a JSON text, a parameter of a URL. These names mean nothing else there.
_JSON_MEMBER = re.compile(
    r'("(access_token|client_assertion|client_secret|code_verifier|id_token|password|refresh_token)"\s*:\s*")[^"‹]+'
)
_PARAMETER = re.compile(
    r"([?&#](access_token|client_assertion|client_secret|code|code_verifier|id_token|password|refresh_token|token)=)"
    r"[^&#\s\"'<>‹]+"
)
# A JSON Web Key with one of these is a private key (RFC 7518, section 6).
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


def mask(kind: str) -> str:
    """Return what stands in the place of a secret: `‹access_token›`."""
    return f"‹{kind}›"


# A secret as a YAML file has it, also one too short to be known by its value; templates are no secrets.
_YAML_SECRET = re.compile(
    r"""(\b(?:client_secret|passphrase|password|totp):\s+)("[^"{]*"|'[^'{]*'|[^\s,{}"'#][^,}#]*)"""
)


class Redactor:
    """Knows the secrets of a run and takes them out of texts, values and events.

    `learn` is called where a secret comes up (a file, a server's answer, the redirect) before anything listens. What a
    scenario has come by is forgotten with it, so that a long suite does not search for the tokens of its beginning.
    """

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._lasting: dict[str, str] = {}
        self._passing: dict[str, str] = {}
        self._ordered: list[tuple[str, str]] | None = None
        self._lock = threading.Lock()

    def learn(self, kind: str, value: object, *, lasting: bool = False) -> None:
        """Remember a secret; `kind` is the word shown in its place. Values under 8 characters are left alone.

        `lasting` is for secrets of files, which every scenario may send again.
        """
        # A JWT is known by its shape, wherever it stands.
        if not isinstance(value, str) or len(value) < SHORTEST or _JWT.fullmatch(value):
            return
        with self._lock:
            known = self._lasting if lasting else self._passing
            for form in _forms(value):
                known.setdefault(form, kind)
            self._ordered = None

    def forget(self) -> None:
        """Forget what is not lasting; a new scenario begins."""
        with self._lock:
            self._passing.clear()
            self._ordered = None

    def learn_pair(self, kind: str, identifier: str, value: str) -> None:
        """Remember a lasting secret that travels as `identifier:value` in Base64 (HTTP Basic)."""
        self.learn(kind, value, lasting=True)
        for left, right in ((identifier, value), (quote_plus(identifier), quote_plus(value))):
            self.learn(
                kind, base64.b64encode(f"{left}:{right}".encode("utf-8", "surrogatepass")).decode(), lasting=True
            )

    def learn_members(self, value: object) -> None:
        """Remember every secret member of a form, a JSON body or callback parameters (`SECRET_MEMBERS`)."""
        match value:
            case Mapping():
                for name, item in value.items():
                    if name in SECRET_MEMBERS:
                        self.learn(str(name), item)
                    self.learn_members(item)
            case list() | tuple():
                for item in value:
                    self.learn_members(item)

    def text(self, text: str) -> str:
        """Return the text without any known secret, JWT, private key or authorization header."""
        # A whole first: a secret that is replaced inside it would spoil its shape.
        if "eyJ" in text:
            text = _JWT.sub(mask("jwt"), text)
        if "PRIVATE KEY-----" in text:
            text = _PEM.sub(mask("private key"), text)
        for form, kind in self._longest_first():
            if form in text:
                text = text.replace(form, mask(kind))
        if '"kty"' in text:
            text = _JWK_MEMBER.sub(rf"\g<1>{mask('private key')}", text)
        if '":' in text or '" :' in text:
            text = _JSON_MEMBER.sub(_masked_member, text)
        if "=" in text:
            text = _PARAMETER.sub(_masked_member, text)
        return _TOKEN_HEADER.sub(lambda found: f"{found[1]} {mask('token')}", text)

    def line(self, text: str) -> str:
        """Return a line of a file with stars for every secret, as many as it had characters: columns must stay true."""
        for form, _ in self._longest_first():
            if form in text:
                text = text.replace(form, "*" * len(form))
        text = _JWT.sub(_stars, text)
        return _YAML_SECRET.sub(lambda found: found[1] + "*" * len(found[2]), text)

    def _longest_first(self) -> list[tuple[str, str]]:
        with self._lock:
            if self._ordered is None:
                known = {**self._passing, **self._lasting}
                self._ordered = sorted(known.items(), key=lambda pair: len(pair[0]), reverse=True)
            return self._ordered

    def value(self, value: T) -> T:
        """Return the value, event or problem with every text inside it redacted; the same object if nothing was."""
        return _walk(value, self)  # type: ignore[no-any-return]


def _stars(found: re.Match[str]) -> str:
    return "*" * len(found[0])


def _masked_member(found: re.Match[str]) -> str:
    return found[1] + mask(found[2])


def _walk(value: Any, redactor: Redactor, name: str = "") -> Any:
    match value:
        case Span():
            return dataclasses.replace(value, text=redactor.line(value.text)) if value.text else value
        case str():
            if value and name in SECRET_MEMBERS and not _MASK.fullmatch(value):
                return mask(name)
            if value and name.lower() in SECRET_HEADERS:
                return mask(name.lower())
            return redactor.text(value)
        case Mapping():
            private = "kty" in value and not PRIVATE_MEMBERS.isdisjoint(value)
            return {
                redactor.text(key) if isinstance(key, str) else key: mask("private key")
                if private and key in PRIVATE_MEMBERS
                else _walk(item, redactor, str(key))
                for key, item in value.items()
            }
        case list():
            return [_walk(item, redactor, name) for item in value]
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*(_walk(item, redactor) for item in value))
        case tuple():
            if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str):  # noqa: PLR2004  a pair
                return (redactor.text(value[0]), _walk(value[1], redactor, value[0]))
            return tuple(_walk(item, redactor) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {}
        for field in dataclasses.fields(value):
            before = getattr(value, field.name)
            after = _walk(before, redactor)
            if after != before:
                changes[field.name] = after
        return dataclasses.replace(value, **changes) if changes else value
    return value


def quote_plus(value: str, safe: str = "") -> str:
    """Return a value as forms have it; half a surrogate pair, which no server may send, is no reason to fail."""
    return quote(value, safe=f"{safe} ", errors="replace").replace(" ", "+")


def _forms(value: str) -> Iterable[str]:
    """Yield the value as it may appear: raw, URL-encoded, in JSON or HTML, in Base64 alone and inside other Base64."""
    yield value
    # Python's way, that of JavaScript's encodeURIComponent, that of browsers' forms, and a query typed into a browser.
    for encoded in (
        quote(value, safe="", errors="replace"),
        quote_plus(value),
        quote(value, safe="!'()*", errors="replace"),
        quote_plus(value, "*").replace("~", "%7E"),
        quote(value, safe="!$&'()*+,;=:@/?~", errors="replace"),
    ):
        yield encoded
        yield _PERCENT.sub(lambda found: found[0].lower(), encoded)
    for ascii_only in (True, False):
        inside = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield inside
        yield inside.replace("/", "\\/")
    yield html.escape(value)
    yield html.escape(value, quote=False)
    yield from _base64_forms(value.encode("utf-8", "surrogatepass"))


def _base64_forms(raw: bytes) -> Iterable[str]:
    alone = base64.b64encode(raw).decode().rstrip("=")
    yield from (alone, _url_safe(alone))
    # Inside a longer text (credentials, a JWT's payload) a value has three possible alignments. Only the characters
    # that hold nothing but bits of the value are always the same.
    for shift in (0, 1, 2):
        text = base64.b64encode(b"\0" * shift + raw).decode()
        core = text[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        if len(core) >= SHORTEST:
            yield from (core, _url_safe(core))


def _url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")
