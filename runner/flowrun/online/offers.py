"""Does the server offer what our clients do: how they authenticate, sign, encrypt and bind tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.dataclass import dataclass
from flowrun.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowrun.client import Client
    from flowrun.online.model import Look

# What an absent list means (RFC 8414, section 2); where nothing stands here, it says nothing.
_UNSAID: Final = {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}
_JWT_METHODS: Final = frozenset({"private_key_jwt", "client_secret_jwt"})


@dataclass(frozen=True, slots=True)
class _Use:
    """One thing that a client does: what for, with which word, from which list, set by which key of the file."""

    what: str
    word: str
    member: str
    key: tuple[str, ...]


def compare(look: Look, client: Client) -> None:
    """Compare what a client uses with the lists of the metadata; a list that is not there says nothing."""
    said: list[str] = []
    unsaid: list[str] = []
    for use in _uses(look, client):
        offered = look.server.get(use.member, _UNSAID.get(use.member))
        if not isinstance(offered, list):
            unsaid.append(use.member)
        elif use.word in offered:
            said.append(f"{use.what} {use.word}")
        else:
            look.bad(_not_offered(look, client, use, [str(one) for one in offered]))
    if client.sender_constraint == "mtls":
        _bound_to_certificate(look, client, said)
    if said:
        look.good("offered", f"what '{client.name}' uses: {', '.join(said)}")
    if unsaid:
        look.open("offered", f"the metadata has no {', '.join(dict.fromkeys(unsaid))}")


def _uses(look: Look, client: Client) -> Iterator[_Use]:
    yield _Use("authentication", client.auth, "token_endpoint_auth_methods_supported", ("auth",))
    if client.auth in _JWT_METHODS:
        member = "token_endpoint_auth_signing_alg_values_supported"
        yield _Use("assertions", client.assertion.alg, member, ("assertion", "alg"))
    request = client.request_object
    if request.required or _signs(look, client):
        member = "request_object_signing_alg_values_supported"
        yield _Use("request objects", request.alg, member, ("request_object", "alg"))
        for name, what in (("alg", "encryption"), ("enc", "content encryption")) if request.encrypt else ():
            word = (request.encrypt or {}).get(name)
            if word:
                member = f"request_object_encryption_{name}_values_supported"
                yield _Use(what, word, member, ("request_object", "encrypt", name))
    if client.sender_constraint == "dpop":
        yield _Use("DPoP proofs", client.dpop.alg, "dpop_signing_alg_values_supported", ("dpop", "alg"))
    if client.id_token.alg:
        yield _Use("id_tokens", client.id_token.alg, "id_token_signing_alg_values_supported", ("id_token", "alg"))
    if client.redirect_uri:
        yield _Use("PKCE", "S256", "code_challenge_methods_supported", ())


def _signs(look: Look, client: Client) -> bool:
    steps = (step for plan in look.plans for step in plan.scenario.steps if step.client == client.name)
    return any(step.kind == "sign" and step.input.get("what") == "request_object" for step in steps)


def _not_offered(look: Look, client: Client, use: _Use, offered: list[str]) -> Problem:
    title = f"the server does not offer {use.word}, which '{client.name}' uses for {use.what}"
    return Problem(
        "not-offered",
        title.replace("uses for authentication", "authenticates with").replace("uses for PKCE", "sends (PKCE)"),
        look.client_at(client, *use.key),
        facts=((use.member, ", ".join(offered) or "an empty list"),),
        hint=f"write what is registered for the client: {_written(use.key, offered)}"
        if use.key and offered
        else "tell the server's team",
    )


def _written(key: tuple[str, ...], offered: list[str]) -> str:
    text = offered[0]
    for name in reversed(key):
        text = f"{name}: {text}" if name == key[-1] else f"{name}: {{{text}}}"
    return text


def _bound_to_certificate(look: Look, client: Client, said: list[str]) -> None:
    if look.server.get("tls_client_certificate_bound_access_tokens") is True:
        said.append("tokens bound to certificates")
        return
    look.bad(
        Problem(
            "not-offered",
            f"the server does not say that it binds tokens to certificates, which '{client.name}' expects",
            look.client_at(client, "sender_constraint"),
            facts=(
                (
                    "tls_client_certificate_bound_access_tokens",
                    str(look.server.get("tls_client_certificate_bound_access_tokens", "absent")).lower(),
                ),
                ("spec", "RFC 8705, section 3.3"),
            ),
            hint="if its tokens are bound all the same, tell the server's team; if not: sender_constraint: none",
            warning=True,
        )
    )
