"""What a step's `tamper` changes in what we send.

One value holds it, and it is applied in three places: where a JWT of ours is made (`sign`), where a request goes out
(`request`), and where the authorization URL is made (`opened`). What was changed is told, and what could not be is an
error: a refusal proves nothing when the server got a good request.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flowrun.dataclass import dataclass
from flowrun.errors import WRONG_FILE, StepError, did_you_mean
from flowrun.filters import seconds
from flowrun.flow import form_value
from flowrun.paths import parse, spell

if TYPE_CHECKING:
    from flowrun.jose import Key

Pairs = list[tuple[str, str]]
At = tuple[str | int, ...]

OWN, ASSERTION, PROOF = "own", "assertion", "proof"
FRESH: Final = "fresh"  # as a key: one made for this, which the server does not know
NOBODY: Final = "none"  # as a client or a certificate
_DATES: Final = ("iat", "nbf", "exp")
_WORDS: Final = ("sign", "unsigned", "method", "content_type", "client", "certificate", "clock")  # beside the targets
_PARTS: Final = {OWN: "", ASSERTION: "assertion.", PROOF: "proof."}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one target. `does` is set, remove, duplicate or move; `at` leads to it inside `tamper`.

    `part` is claims, header, assertion.claims, …, form, headers or url; `path` the way to the value inside it, in a
    form, in headers and in a URL one name. `value` is the new value, or where it moves.
    """

    does: str
    target: str
    part: str
    path: At
    at: At
    value: Any = None


def split(target: str) -> tuple[str, At]:
    """Return part and path of a target: `proof.claims.htu` is `("proof.claims", ("htu",))`.

    `proof` alone is the header that carries it. Raises `PathError` for what is no path.
    """
    if target == PROOF:
        return "headers", ("dpop",)
    part, dot, name = target.partition(".")
    if part in {"form", "headers", "url"}:
        if part == "headers":
            name = name.lower()  # as the wire and the other headers of a step have them
        return part, (name,) if dot else ()
    path = parse(target)
    number = 2 if path[0] in {ASSERTION, PROOF} else 1
    return ".".join(map(str, path[:number])), path[number:]


def changes_in(written: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the changes of targets that a `tamper` asks for, in the order in which they are made."""
    found = []
    for does in ("set", "remove", "duplicate", "move"):
        asked = written.get(does) or {}
        pairs = asked.items() if isinstance(asked, Mapping) else ((target, None) for target in asked)
        for index, (target, value) in enumerate(pairs):
            at = (does, target if isinstance(asked, Mapping) else index)
            found.append(Change(does, target, *split(target), at, value))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request on its way out; `twice` names headers that are sent two times."""

    method: str
    url: str
    form: Pairs
    content: bytes | None
    headers: dict[str, str]
    twice: tuple[str, ...] = ()


@dataclass(slots=True)
class Tampering:
    """The changes of one step, its holes filled; `schemas/step.json` says what each is. Empty, it changes nothing.

    `tell` takes in words what was changed; `other_key` returns the key of a name. `moved` (form, url) are members that
    have left the request object, for the push and the browser: it belongs to the flow, because those come later.
    """

    written: Mapping[str, Any] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda _: None
    other_key: Callable[[str], Key] | None = None
    moved: dict[str, dict[str, str]] = field(default_factory=dict)
    _made: set[At] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)

    def _changes(self, *parts: str) -> list[Change]:
        return [change for change in changes_in(self.written) if change.part in parts] if self.written else []

    def _note(self, at: At, words: str) -> None:
        """Remember that a change was made; say so, but not again for the second request of a step."""
        self._made.add(at)
        if words not in self._told:
            self._told.add(words)
            self.tell(words)

    # --- where a JWT of ours is made ---------------------------------------------------------------------------------

    def signer(self, which: str) -> Callable[..., str]:
        """Return what signs in the place of `jose.sign`: `which` is own, assertion or proof."""

        def sign(claims: Mapping[str, Any], key: Key, alg: str, header: Mapping[str, Any] | None = None) -> str:
            return self.sign(which, claims, key, alg, header)

        return sign

    def sign(
        self, which: str, claims: Mapping[str, Any], key: Key, alg: str, header: Mapping[str, Any] | None = None
    ) -> str:
        """Return a signed JWT with the changes that are meant for it; raises as `jose.sign` does, and `StepError`."""
        from flowrun.jose import sign, sign_exactly  # noqa: PLC0415  JOSE is loaded when something is signed

        prefix = _PARTS[which]
        changes = self._changes(f"{prefix}claims", f"{prefix}header")
        how = self.written.get("sign") or {}
        how = how if how.get("jwt", OWN) == which else {}
        if not changes and not how and "clock" not in self.written:
            return sign(claims, key, alg, header)
        claims = self._shifted(which, copy.deepcopy(dict(claims)))
        members = {"alg": alg, "kid": key.kid, **(header or {})}
        members = {name: value for name, value in copy.deepcopy(members).items() if value is not None}
        if how:
            key, alg = self._forged(which, key, alg, how, members)
        for change in changes:
            whole = claims if change.part.endswith("claims") else members
            self._change_members(change, whole)
        return sign_exactly(members, claims, key, alg, flip_bit=bool(how.get("flip_bit")))

    def _shifted(self, which: str, claims: dict[str, Any]) -> dict[str, Any]:
        if "clock" not in self.written:
            return claims
        clock = str(self.written["clock"])
        shift = int(seconds(clock[1:])) * (-1 if clock.startswith("-") else 1)
        for name in _DATES:
            if isinstance(claims.get(name), int | float):
                claims[name] += shift
                self._note(("clock",), f"{' and '.join(_DATES)} as if the clock stood at {clock}")
        # A nonce of the server stands in for the time of a proof (RFC 9449, section 4.3), so nothing would be shifted.
        return {name: value for name, value in claims.items() if which != PROOF or name != "nonce"}

    def _forged(
        self, which: str, key: Key, alg: str, how: Mapping[str, Any], header: dict[str, Any]
    ) -> tuple[Key, str]:
        """Return the key and the algorithm to sign with; the header says the algorithm, and the kid as before."""
        from flowrun.jose import generate_key, key_for  # noqa: PLC0415  JOSE has been loaded to sign

        alg = header["alg"] = str(how.get("alg", alg))
        before = key
        if how.get("key") == FRESH:
            key = generate_key(alg)
        elif "key" in how and self.other_key is not None:
            key = self.other_key(str(how["key"]))
        key = key_for(key, alg)
        if which == PROOF and key is not before and key.kty != "oct":
            # A proof brings its key along: by another key means that it is good, and not by ours.
            header["jwk"] = {
                name: value for name, value in key.public_jwk().items() if name not in {"kid", "use", "alg"}
            }
        words = [f"alg {alg}"] if "alg" in how else []
        words += [f"the key {how['key']}"] if "key" in how else []
        words += ["one bit of the signature changed"] if how.get("flip_bit") else []
        called = {OWN: "", ASSERTION: "the client assertion: ", PROOF: "the DPoP proof: "}[which]
        self._note(("sign",), f"signature: {called}{', '.join(words)}")
        return key, alg

    def _change_members(self, change: Change, whole: dict[str, Any]) -> None:
        """Change a member of claims or a header, which may be inside others."""
        holder: Any = whole
        for step in change.path[:-1]:
            holder = _inside(holder, step)
        last = change.path[-1]
        if isinstance(holder, dict) and change.does == "set":
            holder[last] = change.value
            self._note(change.at, f"{change.target} = {_shown(change.value)}")
            return
        if _inside(holder, last) is None and not (isinstance(holder, dict) and last in holder):
            raise _not_there(change, whole)
        if change.does == "set":
            holder[last] = change.value
            self._note(change.at, f"{change.target} = {_shown(change.value)}")
            return
        value = holder.pop(last)
        if change.does == "remove":
            self._note(change.at, f"{change.target} removed")
            return
        place, name = _destination(change, str(last))
        self.moved.setdefault(place, {})[name] = form_value(value)
        self._note(change.at, f"{change.target} moved to {place}.{name}")

    def unsigned(self, *, would_sign: bool) -> bool:
        """Tell whether plain parameters go out in place of a request object, where one would."""
        if not self.written.get("unsigned") or not would_sign:
            return False
        self._note(("unsigned",), "plain parameters instead of a request object")
        return True

    # --- where a request goes out ------------------------------------------------------------------------------------

    def method(self, method: str) -> str:
        """Return the method of a request; a DPoP proof is made for this one."""
        if "method" not in self.written:
            return method
        self._note(("method",), f"method {self.written['method']} instead of {method}")
        return str(self.written["method"])

    def who(self, what: str, ours: str) -> str:
        """Return whose `client` (authentication) or `certificate` goes along: ours, another client's name, `none`."""
        if what not in self.written:
            return ours
        name = str(self.written[what])
        word = "authentication" if what == "client" else "certificate"
        self._note((what,), f"no {word}" if name == NOBODY else f"the {word} of the client {name}")
        return name

    def request(self, out: Outgoing) -> Outgoing:
        """Return a request with its changes; raises `StepError` for a target that is not there."""
        changes = self._changes("form", "headers", "url")
        if changes:
            query, url = _query(out.url)
            headers = list(out.headers.items())
            parts = {"form": list(out.form), "headers": headers, "url": query}
            for change in changes:
                self._change_pairs(change, parts)
            names = [name for name, _ in parts["headers"]]
            twice = tuple(name for name in dict.fromkeys(names) if names.count(name) > 1)
            out = replace(out, url=url(parts["url"]), form=parts["form"], headers=dict(parts["headers"]), twice=twice)
        if "content_type" in self.written:
            out = self._typed(out, str(self.written["content_type"]))
        if "method" in self.written and out.method in {"GET", "HEAD"} and out.form:
            query, url = _query(out.url)  # where an HTML form would put them; a body of a GET is read by nobody
            out = replace(out, url=url([*query, *out.form]), form=[])
        return out

    def _typed(self, out: Outgoing, content_type: str) -> Outgoing:
        """Return a request of another content type; what is JSON by its name gets the form as a JSON object."""
        self._note(("content_type",), f"content type {content_type}")
        headers = {**out.headers, "content-type": content_type}
        if out.form and "json" in content_type:
            return replace(out, headers=headers, form=[], content=json.dumps(dict(out.form)).encode())
        return replace(out, headers=headers)

    # --- where the authorization URL is made -------------------------------------------------------------------------

    def opened(self, address: str) -> str:
        """Return the URL that the browser opens, with its changes."""
        changes = self._changes("url")
        if not changes:
            return address
        query, url = _query(address)
        parts = {"url": query}
        for change in changes:
            self._change_pairs(change, parts)
        return url(parts["url"])

    def _change_pairs(self, change: Change, parts: Mapping[str, Pairs]) -> None:
        """Change a form, headers or a query; a name may be there several times, and all of them are meant."""
        pairs, name = parts[change.part], str(change.path[0])
        there = [index for index, (known, _) in enumerate(pairs) if known == name]
        if change.does == "set":
            value = form_value(change.value)
            if there:
                pairs[:] = [one for index, one in enumerate(pairs) if index not in there[1:]]
                pairs[there[0]] = (name, value)
            else:
                pairs.append((name, value))
            self._note(change.at, f"{change.target} = {_shown(change.value)}")
            return
        if not there:
            raise _not_there(change, dict(pairs))
        if change.does == "duplicate":
            pairs.insert(there[-1] + 1, pairs[there[0]])
            self._note(change.at, f"{change.target} sent twice")
            return
        value = pairs[there[0]][1]
        pairs[:] = [one for index, one in enumerate(pairs) if index not in there]
        if change.does == "remove":
            self._note(change.at, f"{change.target} removed")
            return
        place, other = _destination(change, name)
        parts[place].append((other, value))
        self._note(change.at, f"{change.target} moved to {place}.{other}")

    # --- the end of the step -----------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Raise `StepError` for a change that was never made: the server was sent something good, unnoticed."""
        wanted: Iterable[tuple[At, str]] = [
            *((change.at, change.part) for change in changes_in(self.written)),
            *(((name,), name) for name in _WORDS),
        ]
        for at, part in wanted:
            if at in self._made or at[0] not in self.written or self.written[str(at[0])] is False:
                continue
            jwt = self.written["sign"].get("jwt", OWN) if part == "sign" else ""
            raise StepError(
                "tamper-unused",
                "nothing was tampered with: what this is about was not sent by this step",
                field=("tamper", *at),
                label=_why_unused(part, jwt),
                exit_code=WRONG_FILE,
            )


def _why_unused(part: str, jwt: str) -> str:
    if part.startswith(ASSERTION) or jwt == ASSERTION:
        return "no client assertion was signed here: the client has none, or a sign step made it; tamper there"
    if part.startswith(PROOF) or jwt == PROOF:
        return "no DPoP proof was made here: the client has no sender_constraint: dpop"
    if part in {"claims", "header"} or jwt == OWN:
        return "no JWT was signed here: is there a sign step before? tamper there"
    reasons = {
        "clock": "nothing with a time in it was signed here",
        "certificate": "the client shows no certificate here",
        "client": "the client does not say here who it is",
        "unsigned": "no request object would be sent here",
    }
    return reasons.get(part, "no such request was sent")


def _query(address: str) -> tuple[Pairs, Callable[[Pairs], str]]:
    """Return the parameters of a URL, and what makes a URL of other ones."""
    parts = urlsplit(address)
    return parse_qsl(parts.query, keep_blank_values=True), lambda pairs: urlunsplit(
        parts._replace(query=urlencode(pairs))
    )


def _destination(change: Change, name: str) -> tuple[str, str]:
    """Return the part that a target moves to, and its name there: the same, unless another one is written."""
    part, path = split(str(change.value))
    return part, str(path[0]) if path else name.lower() if part == "headers" else name


def _inside(holder: Any, step: str | int) -> Any:
    try:
        return holder[step]
    except (KeyError, IndexError, TypeError):
        return None


def _not_there(change: Change, whole: Mapping[str, Any]) -> StepError:
    words = {"remove": "leave out", "duplicate": "send twice", "move": "move", "set": "set"}
    known = [str(name) for name in whole]
    label = did_you_mean(str(change.path[0]), known) or f"there are: {', '.join(known) or 'none'}"
    return StepError(
        "tamper-nothing-there",
        f"there is no {change.part}.{spell(change.path)} to {words[change.does]}",
        field=("tamper", *change.at),
        label=label,
        exit_code=WRONG_FILE,
    )


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
