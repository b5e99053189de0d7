"""Are our keys where the server reads them: our kid, and the public half of our key under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowrun.errors import WRONG_FILE, FlowrunError, Problem, StepError
from flowrun.redact import PRIVATE_MEMBERS

if TYPE_CHECKING:
    from flowrun.client import Client
    from flowrun.errors import Span
    from flowrun.jose import Key
    from flowrun.online.model import Look
    from flowrun.wire import Answer


def compare(look: Look, client: Client) -> None:
    """Read the client's `jwks_uri` and compare it with each of its keys."""
    names = [name for name in client.keys if name != client.dpop.key]  # a proof carries its key itself
    if not names:
        return
    if not client.jwks_uri:
        if look.environment.embedded:
            return  # the sandbox is told the keys by the file itself
        look.open("our keys", f"not compared: '{client.name}' has no jwks_uri, where the server reads them")
        return
    at = look.client_at(client, "jwks_uri")
    try:
        # It is our own document: on this machine's trust where the environment names no authority.
        published = _keys(look.wire.send("GET", client.jwks_uri, tls=look.tls), at)
    except (StepError, FlowrunError) as error:
        look.failed(error, at)
        return
    private = [str(one.get("kid", "without kid")) for one in published if _is_private(one)]
    if private:
        look.bad(_published_private(private, at))
    found = [name for name in names if _found(look, client, name, published)]
    if found:
        kids = ", ".join(f"{client.keys[name].kid or 'without kid'} ({name})" for name in found)
        look.good("our keys", f"{client.jwks_uri} has those of '{client.name}': {kids}")


def _keys(answer: Answer, at: Span) -> list[Mapping[str, Any]]:
    keys = answer.members.get("keys")
    if answer.status == 200 and isinstance(keys, list):  # noqa: PLR2004
        return [one for one in keys if isinstance(one, Mapping)]
    came = f"{answer.status} {answer.content_type}".strip()
    raise FlowrunError(
        Problem(
            "no-published-keys",
            "there is no JWKS where the server should read our keys",
            at,
            f"answered {came}",
            hint='compare jwks_uri with what is registered for the client; a JWKS is {"keys": […]}',
            exit_code=WRONG_FILE,
        )
    )


def _is_private(jwk: Mapping[str, Any]) -> bool:
    return bool(PRIVATE_MEMBERS & set(jwk)) if jwk.get("kty") != "oct" else True


def _published_private(kids: list[str], at: Span) -> Problem:
    one = len(kids) == 1
    return Problem(
        "private-key-published",
        f"the published JWKS has the private half of {'the key' if one else 'the keys'} {', '.join(kids)}",
        at,
        "everybody can sign with it" if one else "everybody can sign with them",
        hint="take it down, make a new key, and register the public half only",
    )


def _found(look: Look, client: Client, name: str, published: list[Mapping[str, Any]]) -> bool:
    """Tell whether a key is there under its kid; notes what is wrong where it is not."""
    try:
        ours = look.keyring.load(client, name, look.environment)
        print_ = ours.thumbprint()
    except FlowrunError as error:
        look.bad(*error.problems)
        return False
    at = look.client_at(client, "keys", name, *(["kid"] if client.keys[name].kid else []))
    same = [one for one in published if _print(one) == print_]
    if ours.kid is None and same:
        return True
    under = [one for one in published if one.get("kid") == ours.kid]
    if ours.kid is not None and under:
        if any(one in same for one in under):
            return True
        look.bad(
            Problem(
                "kid-of-another-key",
                f"our published JWKS has another key under the kid '{ours.kid}'",
                at,
                f"the server will refuse what '{name}' signs" if name == "signing" else "",
                (
                    ("our thumbprint", print_),
                    ("published", _print(under[0]) or "unreadable"),
                    ("jwks_uri", client.jwks_uri or ""),
                ),
                "publish the public half of this key, or name the file of the key that is published",
            )
        )
        return False
    look.bad(_absent(client, ours, same, published, at))
    return False


def _absent(
    client: Client,
    ours: Key,
    same: list[Mapping[str, Any]],
    published: list[Mapping[str, Any]],
    at: Span,
) -> Problem:
    kids = ", ".join(str(one.get("kid", "without kid")) for one in published) or "none"
    called = f"the kid '{ours.kid}'" if ours.kid else "this key"
    label = ""
    hint = "publish the public half of this key there; a cache may hold the old document for some minutes"
    if same:
        other = same[0].get("kid")
        label = f"this key is there as '{other}'" if other else "this key is there without a kid"
        hint = f"write kid: {other}" if other else f"publish it with kid {ours.kid}"
    return Problem(
        "kid-not-published",
        f"our published JWKS does not have {called}",
        at,
        label,
        (("jwks_uri", client.jwks_uri or ""), ("kids there", kids)),
        hint,
    )


def _print(jwk: Mapping[str, Any]) -> str | None:
    from flowrun.jose import JoseError, key_from_jwk  # noqa: PLC0415  JOSE is loaded when a key is needed

    try:
        return key_from_jwk({name: value for name, value in jwk.items() if name not in PRIVATE_MEMBERS}).thumbprint()
    except JoseError:
        return None
