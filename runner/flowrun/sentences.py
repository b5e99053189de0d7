"""One sentence a step kind: what a step does, from its fields to words, without a full stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flowrun import wording
from flowrun.wording import listed, value

Step = Mapping[str, Any]

_GRANTS: Final[Mapping[str, str]] = {
    "authorization_code": "Exchange the code for tokens",
    "refresh_token": "Get new tokens with the refresh token",
    "client_credentials": "Get a token for the client itself, without a person",
    "device_code": "Get tokens for the device once the person has approved",
    "token_exchange": "Exchange a token for another one",
}
_SIGNED: Final[Mapping[str, str]] = {
    "request_object": "Sign the authorization request (request object)",
    "client_assertion": "Sign the assertion that says who the client is",
    "private_key_jwt": "Sign the assertion that says who the client is",
    "jwt": "Sign a JWT",
}
_PAR: Final[Mapping[str, str]] = {
    "always": "",
    "auto": ", if the server can take it",
    "never": "",
    "fallback": "; if that fails, go on without it",
}
_TOKENS: Final[Mapping[str, str]] = {"access_token": "the access token", "refresh_token": "the refresh token"}
SHORT: Final[Mapping[str, str]] = {
    "discover": "issuer",
    "sign": "what",
    "push": "par",
    "browse": "user",
    "exchange": "grant",
    "userinfo": "token",
    "introspect": "token",
    "revoke": "token",
    "call": "url",
    "wait": "for",
    "use": "file",
}


def _discover(step: Step) -> str:
    where = f" of {value(step['issuer'])}" if "issuer" in step else ""
    at = f" at {value(step['url'])}" if "url" in step else ""
    return f"Read the server's metadata{where}{at}"


def _set(step: Step) -> str:
    return f"Note {listed(f'{name}: {value(one)}' for name, one in step.items())}"


def _sign(step: Step) -> str:
    text = _SIGNED.get(step["what"], f"Sign {value(step['what'])}")
    if step.get("claims"):
        text += f" with {_pairs(step['claims'])}"
    if step.get("header"):
        text += f", and the header {_pairs(step['header'])}"
    text += _with(step, alg="alg", key="the key", aud="aud", lifetime="a lifetime of", typ="typ")
    return text + (", and encrypt it" if "encrypt" in step else "")


def _push(step: Step) -> str:
    par = step.get("par", "always")
    if par == "never":
        return "Go on without pushing the authorization request"
    later = _PAR.get(par, f" (PAR: {value(par)})")
    return f"Push the authorization request to the server (PAR){_sent(step)}{later}"


def _browse(step: Step) -> str:
    who = f" as {value(step['user'])}" if "user" in step else ""
    what = value(step["url"]) if "url" in step else "the authorization URL"
    hand = ", by hand," if step.get("by") == "hand" else ""
    kept = " that is still open" if step.get("session") == "keep" else ""
    opens = f"Open {what}{hand} in a browser{kept}"
    if step.get("resume"):
        opens = "Go on in the tab that was left open"
    again = ", load the first page a second time" if step.get("reload") else ""
    slow = f", stay on the first page for {value(step['hold'])}" if "hold" in step else ""
    goes = "stop on the first page" if step.get("stop") else f"go through its pages{who}"
    text = f"{opens}{slow}{again} and {goes}"
    most = f", within {value(step['at_most'])}" if "at_most" in step else ""
    return f"{text}{_sent(step)}{most}"


def _exchange(step: Step) -> str:
    grant = step.get("grant", "authorization_code")
    text = _GRANTS.get(grant, f"Ask for tokens with the grant {value(grant)}")
    given = _with(step, code="the code", code_verifier="the code_verifier", redirect_uri="the redirect_uri")
    given += _with(step, refresh_token="the refresh token", scope="the scope", device_code="the device code")  # noqa: S106  words
    given += _with(step, subject_token="the token", actor_token="the actor's token", requested_token_type="the type")  # noqa: S106  as above
    given += _with(step, audience="the audience", resource="the resource")
    asked = f", asking every {value(step['interval'])}" if "interval" in step else ""
    most = f", for at most {value(step['at_most'])}" if "at_most" in step else ""
    return f"{text}{given}{asked}{most}{_sent(step)}"


def _userinfo(step: Step) -> str:
    method = f" ({value(step['method'])})" if step.get("method", "GET") != "GET" else ""
    return f"Ask the server who the person is{_by_token(step, 'access_token')}{method}{_sent(step)}"


def _introspect(step: Step) -> str:
    return f"Ask the server about {_token(step)}{_sent(step)}"


def _revoke(step: Step) -> str:
    return f"Revoke {_token(step)}{_sent(step)}"


def _call(step: Step) -> str:
    text = f"Call {value(step['url'])} ({value(step.get('method', 'GET'))}){_by_token(step)}"
    text += ", saying who the client is" if step.get("authenticate") is True else ""
    if "form" in step:
        text += f", sending the form {_pairs(step['form'])}"
    if "json" in step:
        text += f", sending {value(step['json'])}"
    if "signed_header" in step:
        text += f", with a signature in the header {step['signed_header']['name']}"
    answer, keys = step.get("answer", "json"), f", with the keys at {value(step['jwks'])}" if "jwks" in step else ""
    return text + _headers(step) + (f"; the answer is {value(answer)}{keys}" if answer != "json" else "")


def _wait(step: Step) -> str:
    parts = []
    if "for" in step:
        parts.append(
            f"for {wording.span(str(step['for']))}" if wording.is_duration(step["for"]) else f"until {step['for']}"
        )
    if "until" in step:
        parts.append(f"until {wording.condition(step['until'])}")
    text = f"Wait {' and '.join(parts)}".rstrip()
    text += f" and {value(step['plus'])} longer" if "plus" in step else ""
    text += f", looking every {value(step['every'])}" if "every" in step else ""
    return text + (f", at most {value(step['at_most'])}" if "at_most" in step else "")


def _use(step: Step) -> str:
    text = f"Do the steps of {step['file']}"
    text += f" with {_pairs(step['inputs'])}" if step.get("inputs") else ""
    outputs = step.get("outputs")
    if isinstance(outputs, Mapping):
        return f"{text}, and keep {listed(f'{path} as {name}' for name, path in outputs.items())}"
    return text


def _pairs(written: Any) -> str:
    if not isinstance(written, Mapping):
        return value(written)
    return listed(
        f"{name} left out" if wording.omits(one) else f"{name}: {value(one)}" for name, one in written.items()
    )


def _with(step: Step, **words: str) -> str:
    given = [f"{word} {value(step[field])}" for field, word in words.items() if field in step]
    return f", with {listed(given)}" if given else ""


def _token(step: Step) -> str:
    token = step.get("token", "access_token")
    return _TOKENS.get(token) or (value(token) if wording.has_hole(token) else f"the token {value(token)}")


def _by_token(step: Step, own: str = "") -> str:
    return "" if step.get("token", own) == own else f" with {_token(step)}"


def _headers(step: Step) -> str:
    return f", with the header {_pairs(step['headers'])}" if step.get("headers") else ""


def _sent(step: Step) -> str:
    extra = f", with {_pairs(step['extra'])} added" if step.get("extra") else ""
    elsewhere = f", at {value(step['url'])}" if "url" in step and "user" not in step and "answers" not in step else ""
    return f"{extra}{elsewhere}{_headers(step)}"


SENTENCES: Final[Mapping[str, Callable[[Step], str]]] = {
    "discover": _discover,
    "set": _set,
    "sign": _sign,
    "push": _push,
    "browse": _browse,
    "exchange": _exchange,
    "userinfo": _userinfo,
    "introspect": _introspect,
    "revoke": _revoke,
    "call": _call,
    "wait": _wait,
    "use": _use,
}
