"""What a scenario may need of an environment, and how one can tell: unmet is "not applicable", never "failed"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flowrun.environment import Environment

_Metadata = Mapping[str, Any]
_Answer = bool | None  # None: can't be told yet, the metadata has not been read


def _in_metadata(member: str) -> Callable[[Environment, _Metadata], _Answer]:
    def met(environment: Environment, server: _Metadata) -> _Answer:
        if member in environment.endpoints:
            return True
        return bool(server.get(member)) if server else None

    return met


def _signed_request(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    return "signing" in environment.client().keys if "default" in environment.client_names() else False


def _mtls(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    return "default" in environment.client_names() and environment.client().certificate is not None


def _second_client(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    return "second" in environment.client_names()


def _rar(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    # An absent member says nothing (RFC 9396 §10 makes it optional); a present one that is empty says no.
    return None if not server else server.get("authorization_details_types_supported") != []


def _refresh(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    grants = server.get("grant_types_supported")
    return None if not server else not isinstance(grants, list) or "refresh_token" in grants


NEEDS: Final[Mapping[str, Callable[[Environment, _Metadata], _Answer]]] = {
    "par": _in_metadata("pushed_authorization_request_endpoint"),
    "signed_request": _signed_request,
    "rar": _rar,
    "refresh_token": _refresh,
    "revocation": _in_metadata("revocation_endpoint"),
    "introspection": _in_metadata("introspection_endpoint"),
    "userinfo": _in_metadata("userinfo_endpoint"),
    "mtls": _mtls,
    "second_client": _second_client,
}


def unmet(names: tuple[str, ...], environment: Environment, server: _Metadata) -> list[str]:
    """Return the needs that this environment surely does not meet."""
    return [name for name in names if name in NEEDS and NEEDS[name](environment, server) is False]
