"""What each ecosystem demands: defaults of an environment and one level for every automatic check; data files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import Any, Final

from flowrun.dataclass import dataclass
from flowrun.document import read
from flowrun.installed import folder

LEVELS: Final = ("must", "should", "info", "off")


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile with what it inherits worked in.

    `client`: defaults for every client of an environment; `headers`: sent with every call to the server, where the
    value `uuid` stands for a fresh one each time; `checks`: a level for each check id; `wants` names optional things
    that this ecosystem demands (`id_token`: one is expected even when the scope lacks openid). `limits` are lifetimes
    in seconds that checks compare with: request_uri (less than), assertion, request_object, access_token (at most),
    access_token_least; what is not there is not limited. `personal` are the names of claims about the person: no report
    shows their values. `family` is its name and those of the profiles that it builds on, the nearest first.
    """

    name: str
    title: str
    client: Mapping[str, Any]
    headers: Mapping[str, str]
    checks: Mapping[str, str]
    wants: frozenset[str]
    limits: Mapping[str, float] = field(default_factory=dict)
    personal: frozenset[str] = frozenset()
    family: tuple[str, ...] = ()

    def level(self, check: str) -> str:
        """Return must, should, info or off."""
        return self.checks.get(check, "off")


def names() -> list[str]:
    """Return the names of the profiles there are."""
    return sorted(file.stem for file in folder(__name__).glob("*.yaml"))


@lru_cache(maxsize=16)
def load(name: str) -> Profile:
    """Return a profile by its name; the schema of the environment has checked that there is one."""
    data = read(folder(__name__) / f"{name}.yaml").data
    base = load(data["like"]) if "like" in data else Profile("", "", {}, {}, {}, frozenset())
    return Profile(
        name,
        data["title"],
        merge(base.client, data.get("client", {})),
        {**base.headers, **data.get("headers", {})},
        {**base.checks, **data.get("checks", {})},
        base.wants | frozenset(data.get("wants", ())),
        {**base.limits, **data.get("limits", {})},
        base.personal | frozenset(data.get("personal", ())),
        (name, *base.family),
    )


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another; mappings inside are laid over each other too, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
