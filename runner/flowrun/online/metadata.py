"""Does the server describe itself as the file says, is its clock right, and has it what the scenarios need."""

from __future__ import annotations

import time
from collections import defaultdict
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from flowrun.endpoints import PUBLIC
from flowrun.errors import FAILED, Problem, StepError
from flowrun.flow import now
from flowrun.needs import unmet
from flowrun.online import hosts
from flowrun.steps import kind as step_kind
from flowrun.steps.base import judge_answer, require_url, shown
from flowrun.steps.discover import does_without, locations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowrun.client import Client
    from flowrun.online.model import Look
    from flowrun.scenario import Scenario, WrittenStep
    from flowrun.wire import Answer

_NOT_FOUND: Final = 404
_PAR: Final = "pushed_authorization_request_endpoint"
_CLAUSE: Final = "RFC 8414, section 3.3"
# FAPI 2.0 §5.3.2.1 has servers accept what is 10 s early and refuse what is 60 s early; an assertion of one minute is
# dead on arrival at a server that is a minute ahead. Below 5 s nothing is told: Date has whole seconds only.
CLOCK_WARNS: Final = 5.0
CLOCK_FAILS: Final = 60.0
_SHOWN_PLACES: Final = 3
# What an environment alone is looked at for: where scenarios usually go.
_USUAL: Final = (
    "authorization_endpoint",
    _PAR,
    "token_endpoint",
    "userinfo_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
)


def read(look: Look) -> None:
    """Read the metadata into `look.server`; compare the issuer and the clock."""
    answer: Answer | None = None
    url = ""
    try:
        for url in locations(look.issuer, "auto"):
            answer = look.wire.send("GET", url, tls=look.tls)
            if answer.status != _NOT_FOUND:
                break
        assert answer is not None  # noqa: S101  an issuer has two locations
        if _accepted(look, answer):
            look.server = answer.members
            _issuer(look, url)
        _clock(look, answer)
    except StepError as error:
        look.failed(error, look.server_at)


def _accepted(look: Look, answer: Answer) -> bool:
    if judge_answer(answer, "to the question for its metadata", "discover") is None:
        return True
    needed = any(step.kind == "discover" for step in _steps(look))
    if does_without(answer, look.environment) or (look.environment.endpoints and not needed):
        look.open("metadata", f"the server has none ({answer.status}); the file lists endpoints")
        return False
    look.bad(
        Problem(
            "no-metadata",
            f"the server answered {answer.status} to the question for its metadata",
            look.server_at,
            facts=shown(answer),
            hint="is the issuer right? a server without discovery: list endpoints: in the environment file",
            exit_code=FAILED,
        )
    )
    return False


def _issuer(look: Look, url: str) -> None:
    issuer = look.server.get("issuer")
    if issuer == look.issuer:
        look.good("metadata", f"{url} is there, and its issuer is {issuer}")
    elif isinstance(issuer, str):
        look.bad(
            Problem(
                "issuer-differs",
                "the server's metadata is of another issuer than the file's",
                look.server_at,
                "compared character by character; a trailing / counts",
                (("file", look.issuer), ("server", issuer), ("spec", _CLAUSE)),
                f"if it is your server, write issuer: {issuer}",
            )
        )
    else:
        look.bad(
            Problem(
                "issuer-differs",
                "the server's metadata names no issuer",
                look.server_at,
                facts=(("url", url), ("spec", _CLAUSE)),
                hint="tell the server's team",
                exit_code=FAILED,
            )
        )


def _clock(look: Look, answer: Answer) -> None:
    try:
        # A document from a cache has the date it was made, and says how long ago that is (RFC 9111, section 5.1).
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp() + int(answer.headers.get("age", "0"))
        time.gmtime(theirs)  # what the calendar does not have can't be shown either
    except (KeyError, TypeError, ValueError, OverflowError):
        look.open("clock", "not compared: the server sends no Date header that can be read")
        return
    ours = now() - answer.seconds / 2
    apart = abs(ours - theirs)
    if apart <= CLOCK_WARNS:
        look.good("clock", "this machine and the server agree within 5 seconds")
        return
    ahead = "ahead of" if ours > theirs else "behind"
    look.bad(
        Problem(
            "clock-differs",
            f"the clock of this machine is {apart:.0f} s {ahead} the server's",
            look.server_at,
            facts=(
                ("here", time.strftime("%H:%M:%S UTC", time.gmtime(ours))),
                ("server", time.strftime("%H:%M:%S UTC", time.gmtime(theirs))),
            ),
            hint="set the clock of this machine from the network (NTP); what comes too early or too late is refused",
            exit_code=FAILED,
            warning=apart <= CLOCK_FAILS,
        )
    )


def endpoints(look: Look) -> None:
    """Look at every endpoint that the scenarios need, or that an environment usually has, and at its host."""
    wanted = _wanted(look)
    there = [name for name in wanted if look.endpoint(name)]
    if there:
        look.good("endpoints", ", ".join(there))
    for name in wanted:
        if name not in there and look.plans:
            look.bad(_lacking(look, name, wanted[name]))
    urls = _urls(look, [*there, "jwks_uri"])
    for client in look.clients:
        urls |= _urls(look, there, client)
    for url, name in urls.items():
        if hosts.place(url) not in {*look.lost, *look.reached}:
            hosts.reach(look, url, look.endpoint_at(name))
    for client in look.clients:
        _certificates(look, client, there)


def _urls(look: Look, names: Iterable[str], client: Client | None = None) -> dict[str, str]:
    """Return the URLs of these endpoints with their names; notes those that are none."""
    found: dict[str, str] = {}
    for name in names:
        url = look.endpoint(name, client)
        try:
            if url:
                require_url(url)
                found[url] = name
        except StepError as error:
            look.failed(error, look.endpoint_at(name))
    return found


def _certificates(look: Look, client: Client, names: list[str]) -> None:
    if client.certificate is not None and client.certificate.header is not None:
        return  # it goes in a header, and TLS is a proxy's matter
    urls = _urls(look, [name for name in names if name not in PUBLIC], client)
    for place, url in {hosts.place(url): url for url in urls}.items():
        if url.startswith("https:") and place not in look.lost:
            hosts.show_certificate(look, client, url, look.server_at)


def _wanted(look: Look) -> dict[str, list[str]]:
    """Return the endpoints that are needed, each with the places in scenarios that need it."""
    if not look.plans:
        return {name: [] for name in _USUAL if look.endpoint(name)}
    wanted: dict[str, list[str]] = defaultdict(list)
    for scenario in {plan.scenario.document.path: plan.scenario for plan in look.plans}.values():
        lacking = unmet(scenario.needs, look.environment, look.server)
        if lacking:
            look.open("not applicable", f"{scenario.document.file}, which needs {', '.join(lacking)}")
            continue
        meant = {error for errors in scenario.refused.values() for error in errors}
        for step, where in _each(scenario):
            for need in sorted(step_kind(step.kind).needs(step.input)):
                kind, _, name = need.partition(":")
                if name == _PAR and "no_par_endpoint" in meant:
                    continue  # that it is lacking is what the scenario is about
                if kind == "endpoint" and where not in wanted[name]:
                    wanted[name].append(where)
    return dict(wanted)


def _each(scenario: Scenario) -> Iterator[tuple[WrittenStep, str]]:
    """Yield every step of a scenario and of the files it uses, with the place where it stands."""
    for step in (*scenario.steps, *scenario.after):
        yield step, str(step.place(scenario.document))
        if step.kind == "use":
            yield from _each(scenario.used[step.name])


def _steps(look: Look) -> Iterator[WrittenStep]:
    for plan in look.plans:
        yield from (step for step, _ in _each(plan.scenario))


def _lacking(look: Look, name: str, places: list[str]) -> Problem:
    more = len(places) - _SHOWN_PLACES
    shown_places = "\n".join(places[:_SHOWN_PLACES]) + (f"\nand {more} more" if more > 0 else "")
    return Problem(
        "no-endpoint",
        f"the server's metadata has no {name}",
        look.server_at,
        facts=(("needed by", shown_places),),
        hint=f"name it in the environment file: endpoints: {{{name}: https://…}}",
        exit_code=FAILED,
    )
