"""What `flowrun check --online` looks at: is the deployment there, and is it what the environment file says.

Public documents are read and connections are made; no request of a scenario is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.errors import FlowrunError
from flowrun.online import hosts, metadata, offers, published
from flowrun.online.model import Look, Seen
from flowrun.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.plan import Plan
    from flowrun.session import Session

__all__ = ["Look", "Seen", "look_at"]


def look_at(environment: Environment, plans: Sequence[Plan], session: Session) -> Look:
    """Look at one environment, once for all the scenarios that are to run in it; without scenarios, at all it names.

    Raises `FlowrunError` when there is nothing to look at: the embedded sandbox does not start.
    """
    trusted = Tls(environment.tls.ca or session.authority(environment), environment.tls.verify)
    look = Look(
        environment=environment,
        issuer=session.issuer(environment),
        plans=tuple(plans),
        clients=tuple(_clients(environment, plans)),
        wire=session.wire(environment),
        keyring=session.keyring,
        tls=trusted,
    )
    if hosts.reach(look, look.issuer, look.server_at):
        metadata.read(look)
        metadata.endpoints(look)
    for client in look.clients:
        if look.server:
            offers.compare(look, client)
        published.compare(look, client)
    return look


def _clients(environment: Environment, plans: Sequence[Plan]) -> list[Client]:
    names = environment.client_names()
    if plans:
        used = {step.client for plan in plans for step in (*plan.scenario.steps, *plan.scenario.after)}
        names = [name for name in names if name in used]
    found = []
    for name in names:
        try:
            found.append(environment.client(name))
        except FlowrunError:  # told where the file was read
            continue
    return found
