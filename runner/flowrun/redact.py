"""Secrets out of everything that is shown: by origin, by value, and in every form that a value takes on the wire."""

from __future__ import annotations

import base64
import dataclasses
import re
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar
from weakref import WeakSet

from flowrun import members
from flowrun.errors import Span
from flowrun.forms import LONG, SHORTEST, base64_forms, forms, plainer, quote_plus

T = TypeVar("T")

# A compact JWS or JWE, or the beginning of one; claims are shown decoded elsewhere, the text would still be usable.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}")
_MASK = re.compile(r"‹[^‹›]+›")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)
# A private key as JSON in a text, wherever it came from.
_JWK_MEMBER = re.compile(r'("(?:d|p|q|dp|dq|qi|k)"\s*:\s*")[A-Za-z0-9_=-]{8,}(?=")')
_TOKEN_HEADER = re.compile(r"\b(Bearer|DPoP|Basic) [A-Za-z0-9._~+/=-]{8,}")

SECRET_MEMBERS: Final = frozenset(
    {
        "access_token",
        "actor_token",
        "assertion",
        "auth_req_id",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "device_code",
        "id_token",
        "id_token_hint",
        "password",
        "refresh_token",
        "registration_access_token",
        "request",
        "response",
        "subject_token",
        "token",
    }
)
SECRET_HEADERS: Final = frozenset(
    {
        "apikey",
        "authorization",
        "cookie",
        "dpop",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "x-jws-signature",
        "x-signature",
    }
)
_VALUE = r'"(?:[^"\\]|\\.)+"?'  # a text as JSON writes it, not an empty one, perhaps cut off
# A secret under its name in a text: a member of a JSON text, a parameter of a URL. `code`, `request` and `response`
# are often something else in JSON, `token` and `assertion` too.
_AMBIGUOUS = frozenset({"assertion", "code", "request", "response", "token"})
_JSON_MEMBER = re.compile(rf'("({"|".join(sorted(SECRET_MEMBERS - _AMBIGUOUS))})"\s*:\s*)({_VALUE})')
_PARAMETER = re.compile(rf"([?&#]({'|'.join(sorted(SECRET_MEMBERS - {'request', 'response'}))})=)([^&#\s\"'<>]+)")
# A JSON Web Key with one of these is a private key (RFC 7518, section 6).
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


_LEAST: Final = len("?code=x")  # characters; of a shorter text nothing is taken out
_MOST_KEPT: Final = 100_000  # characters of texts that are remembered to look like no secret, ...
_LONGEST_KEPT: Final = 5_000  # and of one such text
_MOST_NAMES: Final = 10_000
_BARE: Final = frozenset({bool, int, float, bytes, type(None)})
_PLAIN: Final = _BARE | {str}


def _nothing() -> None:
    """Do nothing."""


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
        _ALL.add(self)
        self._personal: frozenset[str] = frozenset()
        self._personal_member: re.Pattern[str] | None = None
        self._lasting: dict[str, str] = {}
        self._passing: dict[str, str] = {}
        self._lasting_values: set[str] = set()
        self._passing_values: set[str] = set()
        self._ordered: Mapping[str, str] | None = None
        self._bland: set[str] = set()  # texts that by their looks hold no secret: only a known one may be in them
        self._bland_size = 0
        self._hiding: dict[Hashable, bool] = {}  # whether the value under a name has to go
        self._lock = threading.Lock()
        self.before_learning: Callable[[], None] = _nothing  # is called each time

    def learn(self, kind: str, value: object, *, lasting: bool = False) -> None:
        """Remember a secret; `kind` is the word shown in its place. Values under 8 characters are left alone.

        `lasting` is for secrets of files, which every scenario may send again.
        """
        if not isinstance(value, str) or len(value) < SHORTEST:
            return
        known, learned = (self._lasting, self._lasting_values) if lasting else (self._passing, self._passing_values)
        if value in learned:
            return
        self.before_learning()
        with self._lock:
            learned.add(value)
            # A JWT is known by its shape, wherever it stands as it is.
            for form in base64_forms(value) if _JWT.fullmatch(value) else forms(value):
                known.setdefault(form, kind)
            self._ordered = None

    def hide_members(self, names: Iterable[str]) -> None:
        """Hide members of these names too, where they stand: what a profile calls personal."""
        self._personal |= frozenset(names)
        self._bland.clear()
        self._hiding.clear()
        if self._personal:
            some = "|".join(sorted(map(re.escape, self._personal)))
            # A text, or an object with texts in it (address); a request for a claim, {"essential": true}, has none.
            self._personal_member = re.compile(rf'("({some})"\s*:\s*)({_VALUE}|\{{[^{{}}]*:\s*"[^{{}}]*\}})')

    def hides(self, name: object) -> bool:
        """Tell whether a member of this name is shown to nobody."""
        return name in SECRET_MEMBERS or name in self._personal

    def hides_value(self, name: Hashable) -> bool:
        """Tell whether what stands under this name goes because of the name: a member, a header."""
        hides = self._hiding.get(name)
        if hides is None:
            hides = self._hiding[name] = self.hides(name) or str(name).lower() in SECRET_HEADERS
            if len(self._hiding) > _MOST_NAMES:
                self._hiding.clear()
        return hides

    def is_personal(self, name: object) -> bool:
        """Tell whether a member of this name is about the person."""
        return name in self._personal

    def learn_claims(self, claims: Mapping[str, Any]) -> None:
        """Remember what claims say about the person, so that it is found elsewhere too."""
        for name in self._personal & set(claims):
            value = claims[name]
            for text in value.values() if isinstance(value, Mapping) else (value,):
                self.learn(name, text)

    def forget(self) -> None:
        """Forget what is not lasting; a new scenario begins."""
        with self._lock:
            self._passing.clear()
            self._passing_values.clear()
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
            case str() | int() | float() | None:
                return
            case dict() | Mapping():
                for name, item in value.items():
                    if name in SECRET_MEMBERS:
                        self.learn(str(name), item)
                    self.learn_members(item)
            case list() | tuple():
                for item in value:
                    self.learn_members(item)

    def text(self, text: str) -> str:
        """Return the text without any known secret, JWT, private key or authorization header.

        Where one hides in an encoding that nobody would use, the text comes back decoded, without it.
        """
        if len(text) < _LEAST or (text in self._bland and not self._holds_known(text)):
            return text
        shown = self._looked_through(text)
        if shown == text and len(text) <= _LONGEST_KEPT and not _may_be_encoded(text):
            self._bland_size += len(text)
            if self._bland_size > _MOST_KEPT:
                self._bland.clear()
                self._bland_size = len(text)
            self._bland.add(text)
        return shown

    def _looked_through(self, text: str) -> str:
        shown = self._hidden(text)
        if _may_be_encoded(shown):
            for plain in plainer(shown):
                hidden = self._hidden(plain)
                if hidden != plain:
                    return self.text(hidden)
        return shown

    def _holds_known(self, text: str) -> bool:
        return len(text) >= SHORTEST and any(map(text.__contains__, self._longest_first()))

    def _hidden(self, text: str) -> str:
        # A whole first: a secret that is replaced inside it would spoil its shape.
        if "eyJ" in text:
            text = _JWT.sub(mask("jwt"), text)
        if "PRIVATE KEY-----" in text:
            text = _PEM.sub(mask("private key"), text)
        known = self._longest_first()
        if any(map(text.__contains__, known)):
            for form, kind in known.items():
                text = text.replace(form, mask(kind))
        if '"kty"' in text:
            text = _JWK_MEMBER.sub(rf"\g<1>{mask('private key')}", text)
        if '":' in text or '" :' in text:
            text = _JSON_MEMBER.sub(_masked_member, text)
            if self._personal_member is not None:
                text = self._personal_member.sub(_masked_member, text)
        if "=" in text:
            text = _PARAMETER.sub(_masked_parameter, text)
        if "Bearer " in text or "DPoP " in text or "Basic " in text:
            text = _TOKEN_HEADER.sub(lambda found: f"{found[1]} {mask('token')}", text)
        return text

    def line(self, text: str) -> str:
        """Return a line of a file with stars for every secret, as many as it had characters: columns must stay true."""
        for form in self._longest_first():
            if form in text:
                text = text.replace(form, "*" * len(form))
        text = _YAML_SECRET.sub(lambda found: found[1] + "*" * len(found[2]), _JWT.sub(_stars, text))
        if _may_be_encoded(text) and any(self._hidden(plain) != plain for plain in plainer(text)):
            return re.sub(r"\S", "*", text)
        return text

    def _longest_first(self) -> Mapping[str, str]:
        ordered = self._ordered
        if ordered is None:
            with self._lock:
                known = {**self._passing, **self._lasting}
                longest = sorted(known, key=len, reverse=True)
                ordered = self._ordered = {form: known[form] for form in longest}
        return ordered

    def value(self, value: T) -> T:
        """Return the value, event or problem with every text inside it redacted; the same object if nothing was."""
        texts: list[str] = []
        clean = _gathered(value, self, "", texts) and self.is_clean(texts)
        return _walk(value, self, "", _as_it_is if clean else self.text)  # type: ignore[no-any-return]

    def values(self, values: Sequence[T]) -> Sequence[T]:
        """Return what `value` returns for each; those of texts and numbers alone are looked at together."""
        texts: list[str] = []
        besides: list[int] = []
        for index, value in enumerate(values):
            kind: Any = type(value)
            get = _values(kind)
            if get is None or not _are_bare(get(value), texts):
                besides.append(index)
        if not self.is_clean(texts):
            return [self.value(value) for value in values]
        shown = list(values)
        for index in besides:
            shown[index] = self.value(shown[index])
        return shown

    def is_clean(self, texts: Iterable[str]) -> bool:
        """Tell whether there is nothing to take out of some texts; they are looked at as one."""
        joined = "\n".join(texts)
        # A long text is decoded less deep than its parts alone are.
        return len(joined) <= LONG and self._looked_through(joined) == joined


def _may_be_encoded(text: str) -> bool:
    return "%" in text or "\\" in text or "&" in text


def _stars(found: re.Match[str]) -> str:
    return "*" * len(found[0])


_ALL: Final[WeakSet[Redactor]] = WeakSet()


def anything(text: str) -> str:
    """Return a text without what any redactor of this process knows: for messages about faults of flowrun itself."""
    for redactor in list(_ALL):
        text = redactor.text(text)
    return text


def _masked_member(found: re.Match[str]) -> str:
    value = found[3]
    end = '"' if value.endswith(('"', "}")) else ""
    return found[0] if _MASK.fullmatch(value.strip('"')) else f'{found[1]}"{mask(found[2])}{end}'


def _masked_parameter(found: re.Match[str]) -> str:
    return found[0] if _MASK.fullmatch(found[3]) else found[1] + mask(found[2])


@lru_cache(maxsize=64)
def _values(kind: Any) -> Callable[[Any], tuple[Any, ...]] | None:
    """Return what gets all values of a dataclass; None for any other class, and for a place, whose line is a line."""
    taken_apart = dataclasses.is_dataclass(kind) and kind is not Span
    return members.values(kind) if taken_apart else None


def _are_bare(values: Iterable[Any], texts: list[str]) -> bool:
    """Add the texts among values to `texts`; tell whether they are only texts, some of them in a tuple, and numbers."""
    for value in values:
        if type(value) is str:
            if value:
                texts.append(value)
        elif type(value) is tuple and all(type(item) is str for item in value):
            texts.extend(value)
        elif value and type(value) not in _BARE:
            return False
    return True


def _gathered(value: Any, redactor: Redactor, name: Any, texts: list[str]) -> bool:
    """Add the texts of a value to `texts`, but those that go for the name they stand under.

    Tell whether these are all that there is to look at: a line of a file and a private key are looked at in parts.
    """
    if type(value) is str:
        if value and not redactor.hides_value(name):
            texts.append(value)
        return True
    if type(value) in _BARE or not value:
        return True
    match value:
        case str():
            texts.append(value)
            return True
        case dict() | Mapping():
            if "kty" in value or redactor.is_personal(name):
                return False
            for key, item in value.items():
                if isinstance(key, str):
                    texts.append(key)
                if not _gathered(item, redactor, key, texts):
                    return False
            return True
        case list():
            return all(_gathered(item, redactor, name, texts) for item in value)
        case tuple() if _is_pair(value):
            texts.append(value[0])
            return _gathered(value[1], redactor, value[0], texts)
        case tuple():
            return all(_gathered(item, redactor, "", texts) for item in value)
    kind: Any = type(value)
    values = _values(kind)
    if values is None:
        return kind is not Span
    return all(_field_gathered(member, redactor, texts) for member in values(value))


def _field_gathered(member: Any, redactor: Redactor, texts: list[str]) -> bool:
    """Do so with the field of a dataclass: two texts alone are not a name and a value there."""
    if type(member) is tuple:
        return all(_gathered(item, redactor, "", texts) for item in member)
    return _gathered(member, redactor, "", texts)


def _is_pair(value: tuple[Any, ...]) -> bool:
    """Tell whether this is a name and a text, as in a form."""
    two = len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str)  # noqa: PLR2004  a pair
    return two and not hasattr(value, "_fields")


def _as_it_is(text: str) -> str:
    return text


def _walk(value: Any, redactor: Redactor, name: str, text: Callable[[str], str]) -> Any:
    """Return a value with what `text` makes of its texts, and masks for those that go for the name they stand under."""
    if type(value) in _BARE:
        return value
    match value:
        case Span():
            return dataclasses.replace(value, file=text(value.file), text=redactor.line(value.text))
        case str():
            if value and redactor.hides(name):
                return value if _MASK.fullmatch(value) else mask(name)
            if value and name.lower() in SECRET_HEADERS:
                return mask(name.lower())
            return text(value)
        case dict() | Mapping():
            return _walk_members(value, redactor, name, text)
        case list():
            return [_walk(item, redactor, name, text) for item in value]
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*(_walk(item, redactor, "", text) for item in value))
        case tuple():
            if _is_pair(value):
                return (text(value[0]), _walk(value[1], redactor, value[0], text))
            return tuple(_walk(item, redactor, "", text) for item in value)
    kind: Any = type(value)
    values = _values(kind)
    if values is None:
        return value
    changes = {}
    for field, member in zip(members.names(kind), values(value), strict=True):
        if type(member) is str:
            after: Any = text(member)
        elif type(member) in _BARE:
            continue
        else:
            after = _walk_field(member, redactor, text)
        if after is not member and after != member:
            changes[field] = after
    return dataclasses.replace(value, **changes) if changes else value


def _walk_field(member: Any, redactor: Redactor, text: Callable[[str], str]) -> Any:
    if text is not _as_it_is:  # something in the object has to go: mostly not here
        texts: list[str] = []
        if _field_gathered(member, redactor, texts) and redactor.is_clean(texts):
            text = _as_it_is
    if type(member) is tuple:
        return tuple(_walk(item, redactor, "", text) for item in member)
    return _walk(member, redactor, "", text)


def _walk_members(
    value: Mapping[Any, Any], redactor: Redactor, name: str, text: Callable[[str], str]
) -> Mapping[Any, Any]:
    if text is _as_it_is:  # headers, mostly
        closer = [key for key, item in value.items() if type(item) not in _PLAIN or redactor.hides_value(key)]
        return {**value, **{key: _walk(value[key], redactor, str(key), text) for key in closer}} if closer else value
    private = "kty" in value and not PRIVATE_MEMBERS.isdisjoint(value)
    about_person = redactor.is_personal(name)  # address: {…}
    return {
        text(key) if isinstance(key, str) else key: mask("private key")
        if private and key in PRIVATE_MEMBERS
        else _walk(item, redactor, name if about_person and not redactor.hides(key) else str(key), text)
        for key, item in value.items()
    }
