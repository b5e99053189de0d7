"""browse: go through login and consent in a real browser, until it is sent to the redirect_uri (RFC 6749, 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.errors import FlowrunError, StepError
from flowrun.flow import Refusal, form_value, now
from flowrun.steps.base import Outcome, StepKind, own_error
from flowrun.steps.received import read_jwt, readable, server_algorithms
from flowrun.steps.request import authorization_url
from flowrun.template import HoleError, fill, seconds

if TYPE_CHECKING:
    from flowrun.browser import Callback, PageVisit, Walk
    from flowrun.events import PageSeen
    from flowrun.flow import ReceivedJwt
    from flowrun.steps.base import Tools

_ENVELOPE: Final = frozenset(
    {"iss", "aud", "exp"}
)  # the members of a JARM response that are its own (JARM, section 2.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browse:
    """The filled input; `schemas/steps/browse.json` says what each field is."""

    user: str | None = None
    answers: Mapping[str, Any] | None = None
    url: str | None = None
    extra: Mapping[str, Any] | None = None
    by: str = "browser"
    session: str = "new"
    stop: bool = False
    resume: bool = False
    reload: bool = False
    hold: str | float | None = None
    at_most: str | float | None = None


def run(step: Browse, tools: Tools) -> Outcome:
    """Open the authorization URL, do what each page asks, take the callback before it reaches any network."""
    from flowrun.browser import Manner  # noqa: PLC0415  loaded with the browser

    url = "" if step.resume else tools.tampering.opened(step.url or authorization_url(tools, step.extra or {}))
    # Only now: where nothing was pushed, the URL has filled in the request, which may have a redirect_uri of its own.
    redirect_uri = tools.flow.asked.get("redirect_uri") or tools.client.redirect_uri
    ends = any(page.get("means") == "done" for page in tools.environment.pages.values())
    if not redirect_uri and not (step.url and ends):  # as on the pages of the device grant (RFC 8628, section 3.3)
        raise own_error("no-redirect-uri", f"the client '{tools.client.name}' has no redirect_uri")
    if url:
        tools.told("authorization URL", url)
    tools.flow.callback, tools.flow.callback_pairs, tools.flow.hops = (
        None,
        (),
        (),
    )  # what an earlier visit brought says nothing of this one
    if url and tools.flow.expires_at is not None and now() >= tools.flow.expires_at:
        tools.told("note", "the request_uri has expired before the browser opened it")
    limits = tools.environment.timeouts
    answers = {name: str(value) for name, value in (step.answers or {}).items()}
    read: dict[str, str] = {}
    names = {"user": _user(step, tools), "answers": answers, "read": read}
    try:
        walk = tools.browser(step.session == "keep" or step.resume, step.by == "hand").walk(
            url,
            redirect_uri=str(redirect_uri or ""),
            pages=tools.environment.pages,
            fill=lambda value, path: _fill(value, path, names, tools),
            answers=answers,
            page_seconds=limits.page,
            total_seconds=limits.browse if step.at_most is None else seconds(step.at_most),
            tell=lambda visit: tools.tell(page_seen(visit)),
            keep=read.__setitem__,
            manner=Manner(
                stop=step.stop,
                resume=step.resume,
                reload=step.reload,
                hold=seconds(step.hold) if step.hold is not None else 0.0,
                pause=tools.pause,
            ),
            personal=_personal(names["user"], tools),
        )
    except StepError as error:
        # A page that says no is an outcome that a scenario may expect; what is shown there is the evidence.
        visit: PageVisit | None = getattr(error, "page", None)
        tools.flow.hops = getattr(error, "hops", ())
        if visit is not None:
            tools.tell(page_seen(visit))
        if error.place != "page":
            error.field = ("pages", *error.field) if error.field else ()
            raise
        return _refused_on_page(error, visit, tools)
    outcome = _outcome(walk, tools)
    if outcome.refusal is None:  # who is refused sooner is asked nothing more
        _tell_unused(walk, answers, tools)
    return replace(outcome, values={**outcome.values, "read": read}) if read else outcome


def _user(step: Browse, tools: Tools) -> dict[str, str]:
    known = tools.environment.user_names()
    if step.user is None:
        # With one user there is nothing to choose.
        return tools.environment.user(known[0]) if len(known) == 1 else {}
    return tools.environment.user(step.user)


def _tell_unused(walk: Walk, answers: Mapping[str, str], tools: Tools) -> None:
    """Tell of questions that never came up: a `deny` that was never given proves nothing of a refusal.

    A page may come up elsewhere, or later, or be remembered, so this is no mistake. By hand no pages are seen. Pages
    that only fill in an answer, as a choice of data provider does, are often there for some requests alone.
    """
    if not walk.hops or walk.stopped is not None:
        return
    met = {visit.name for visit in walk.pages}
    for name, word in answers.items():
        if name not in met and tools.environment.pages.get(name, {}).get("answers"):
            tools.told("note", f"the answer '{word}' for the page '{name}' was not used: that page did not come up")


def _personal(user: Mapping[str, Any], tools: Tools) -> tuple[str, ...]:
    """Return what stands on a page because of this user or this client, and would recognise it for no other."""
    secret = {"password", "totp", "pin"}
    words = [str(value) for name, value in user.items() if name not in secret and isinstance(value, str)]
    return tuple(word for word in [str(tools.client.client_id or ""), *words] if word)


def _fill(value: object, path: tuple[str | int, ...], names: Mapping[str, Any], tools: Tools) -> Any:
    try:
        return fill(value, {**tools.names(), **names})
    except HoleError as error:
        hint = "write browse: {user: …}" if error.name == "user" or "'user'" in error.title else ""
        at = tools.environment.document.at(("pages", *path, *error.path))
        from flowrun.errors import Problem  # noqa: PLC0415  only when a page can't be filled

        raise FlowrunError(Problem(error.code, error.title, at, error.label, hint=hint)) from error


def page_seen(visit: PageVisit) -> PageSeen:
    """Return a visit as an event."""
    from flowrun.events import PageSeen  # noqa: PLC0415  `check` sees no page

    return PageSeen(visit.name, visit.url, visit.heading, visit.status, visit.text, visit.seconds, visit.screenshot)


def _refused_on_page(error: StepError, visit: PageVisit | None, tools: Tools) -> Outcome:
    said = _words_of(visit, tools) if visit else ""
    values = {
        "pages": [],
        "page": {"text": visit.text, "heading": visit.heading, "status": visit.status} if visit else {},
    }
    return Outcome(values, refusal=Refusal("page", error.error, said or error.title, visit.status if visit else None))


def _words_of(visit: PageVisit, tools: Tools) -> str:
    """Return what a page says at its beginning, redacted whole: a secret cut in two is not found."""
    from flowrun.browser.evidence import paragraphs  # noqa: PLC0415  loaded with the browser

    return paragraphs(tools.redactor.text(visit.text))


def _outcome(walk: Walk, tools: Tools) -> Outcome:
    from flowrun.browser.evidence import oauth_error  # noqa: PLC0415  loaded with the browser

    tools.flow.hops = walk.hops
    pages = [visit.name for visit in walk.pages]
    if walk.stopped is not None:
        return Outcome({"pages": pages}, summary=f"stopped at {walk.stopped.name}")
    if walk.callback is None:
        visit = walk.refused or walk.done
        assert visit is not None  # noqa: S101  a walk without callback ended on a page that means an end
        page = {"name": visit.name, "text": visit.text, "heading": visit.heading, "status": visit.status}
        if walk.done is not None:
            return Outcome({"pages": pages, "page": page}, summary=" → ".join(pages))
        refusal = Refusal("page", oauth_error(visit.text), _words_of(visit, tools), visit.status)
        return Outcome({"pages": pages, "page": page}, refusal=refusal)
    callback, jarm = _remember(walk.callback, tools)
    values: dict[str, Any] = {**callback, "pages": pages, "callback_url": walk.callback.url}
    if jarm is not None:
        values |= {"response_header": dict(jarm.header), "response_claims": dict(jarm.claims)}
        if jarm.encrypted is not None:
            values["response_encrypted"] = dict(jarm.encrypted)
    summary = " → ".join([*(page or "?" for page in pages), "callback"])
    if "error" in callback:
        refusal = Refusal("callback", callback["error"], callback.get("error_description", ""))
        return Outcome(values, refusal=refusal, jwt=jarm, summary=summary)
    # Who asked for response_type none gets no code (OAuth 2.0 Multiple Response Type Encoding Practices, section 4).
    if "code" not in callback and form_value(tools.flow.asked.get("response_type", "")) != "none":
        raise StepError(
            "no-code",
            "the browser came back without code and without error",
            facts=[("parameters", ", ".join(callback) or "none")],
        )
    return Outcome(values, jwt=jarm, summary=summary)


def _remember(callback: Callback, tools: Tools) -> tuple[dict[str, str], ReceivedJwt | None]:
    """Keep what came back for later steps; return it, and the JWT that it stood in, if it did (JARM)."""
    members = dict(callback.params)
    tools.redactor.learn_members(members)
    tools.flow.callback_pairs = tuple(callback.params)
    tools.flow.callback_place, tools.flow.callback_url = callback.place, callback.url
    jarm = _jarm(members["response"], tools) if "response" in members else None
    if jarm is not None:
        # The rest is what a callback without JARM has; these three say who made the JWT, for whom, until when.
        members = {name: form_value(value) for name, value in jarm.claims.items() if name not in _ENVELOPE}
        tools.redactor.learn_members(members)
    tools.flow.callback = members
    return members, jarm


def _jarm(response: str, tools: Tools) -> ReceivedJwt:
    allowed = server_algorithms(tools, "authorization_signing_alg_values_supported")
    return readable(read_jwt(tools, response, allowed=allowed), "the JWT in the callback's response (JARM)")


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    if written.get("resume"):
        return frozenset({"tab"})
    # A URL of one's own may end on a page, as that of the device grant does: then nothing is redirected.
    return frozenset({"pages"} if written.get("url") else {"redirect_uri", "endpoint:authorization_endpoint"})


def _leaves(written: Mapping[str, Any]) -> frozenset[str]:
    return frozenset({"tab" if written.get("stop") else "callback"})


KIND = StepKind("browse", Browse, run, needs=_needs, leaves=_leaves)
