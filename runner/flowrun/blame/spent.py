"""A code or a refresh token that brings nothing: used before, late, of another client or request (RFC 6749 §5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.blame.case import Blame, length, ours, unclear
from flowrun.flow import form_value

if TYPE_CHECKING:
    from flowrun.blame.case import Case


def code(case: Case) -> Blame | None:
    """Say what flowrun has done with this code before, and how old it is."""
    sent = case.form.get("code", "")
    if case.form.get("grant_type") != "authorization_code":
        return None
    earlier = case.earlier("code")
    if earlier is not None:
        words = f"the code was used before, by {earlier}, {_since(case, earlier.at)} earlier, and can be used once"
        return ours(words, "delete this exchange, or write push and browse before it and leave code: out")
    asked = case.flow.asked
    for name in ("client_id", "redirect_uri"):
        here, there = case.form.get(name, ""), form_value(asked.get(name, ""))
        if here and there and here != there:
            return ours(
                f"the {name} is {here} here, and it was {there} in the request", f"make {name} the same in both"
            )
    came = next((one for one in reversed(case.past) if sent and one.code == sent), None)
    if came is None:
        words = "the code was used before, has expired, or belongs to another client or another request"
        return unclear(words, "leave code: out of this exchange, and browse just before it: flowrun sends what came")
    if came.client != case.client.name:
        words = f"the code was given to the client '{came.client}', by {came}; here it is '{case.client.name}'"
        return ours(words, f"exchange it with the same client: as: {came.client}")
    words = f"flowrun sends this code for the first time, {_since(case, came.at)} after {came} had received it"
    return unclear(
        f"{words}, with the same client and redirect_uri",
        "if that is longer than the server lets a code live (a minute is usual), exchange it sooner;\n"
        f"if not, give this report to the server's team with the {'interaction id' if case.has_id else 'time'}",
    )


def refresh_token(case: Case) -> Blame | None:
    """Say what flowrun has done with this refresh token before."""
    if case.form.get("grant_type") != "refresh_token":
        return None
    earlier = case.earlier("refresh_token")
    if earlier is not None:
        words = (
            f"the refresh token was used before, by {earlier}; a server that gives a new one each time refuses the old"
        )
        return unclear(words, "leave refresh_token: out of this exchange: flowrun sends the one that came last")
    words = "the refresh token was withdrawn, has expired, or belongs to another client"
    return unclear(words, "get a new one with push, browse and exchange; if it is refused too, ask the server's team")


def _since(case: Case, at: float) -> str:
    return length((case.call.at if case.call and case.call.at else case.now) - at)
