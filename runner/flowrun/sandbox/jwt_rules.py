"""What client assertions and request objects have in common: a signature, an audience, times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from joserfc import jwt
from joserfc.errors import JoseError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from joserfc.jwk import KeySet, OctKey

# FAPI 2.0 §5.3.2.1 (13, 14): clocks may differ by 10 seconds, and not by 60.
CLOCK_SKEW_SECONDS: Final = 10


class JwtRefusedError(Exception):
    """A JWT breaks a rule; the text is fit for an error_description."""


def verified(token: str, keys: KeySet | OctKey, algorithms: Collection[str]) -> dict[str, Any]:
    """Return the claims of a JWT that one of these keys signed; JwtRefusedError says why not."""
    try:
        return dict(jwt.decode(token, keys, algorithms=list(algorithms)).claims)
    except JoseError as error:
        raise JwtRefusedError(f"{error.error}: {error.description}" if error.description else error.error) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise JwtRefusedError("this is not a signed JWT") from error


def moment(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate claim, fractions allowed; JwtRefusedError when it is missing or no number."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise JwtRefusedError(f"the claim {name} is missing or no number" if name in claims else f"no claim {name}")
    return float(value)


def require_current(claims: Mapping[str, Any], now: float) -> None:
    """Refuse what has expired (no leeway), is not valid yet, or was issued in the future (10 s of leeway)."""
    if moment(claims, "exp") <= now:
        raise JwtRefusedError("it has expired (exp)")
    for name in ("nbf", "iat"):
        if name in claims and moment(claims, name) > now + CLOCK_SKEW_SECONDS:
            raise JwtRefusedError(f"the claim {name} is in the future")


def require_text(claims: Mapping[str, Any], name: str, expected: str) -> None:
    """Refuse a claim that is missing or says something else."""
    if name not in claims:
        raise JwtRefusedError(f"no claim {name}")
    if claims[name] != expected:
        raise JwtRefusedError(f"the claim {name} is not {expected}")
