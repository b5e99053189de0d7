"""What to say when a walk cannot go on: one function a situation, each with what the page shows as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowrun.browser import evidence
from flowrun.browser.conditions import judge, words_of
from flowrun.browser.finder import quoted
from flowrun.browser.model import BrowseError
from flowrun.browser.proposal import NOTHING, page_yaml
from flowrun.browser.redirect import without_parameters
from flowrun.browser.snapshot import BUTTON, CLIENT_ERROR, FIELD
from flowrun.errors import NO_BROWSER, UNREACHABLE, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowrun.browser.model import Path
    from flowrun.browser.proposal import Walked
    from flowrun.browser.snapshot import Snapshot

MOST_LOST = 3
NOTHING_TO_USE = (
    "there is nothing to use on it, no field and no button: open it by hand, and see what it waits for. Where the walk "
    "may end on it, describe it in the environment: means: refused where it says no, means: done where all is well"
)
SERVER_ERROR = 500  # from here on that the server broke, which is no refusal of what was asked


def at_page(
    code: str,
    title: str,
    page: Snapshot,
    *,
    where: Path = (),
    label: str = "",
    hint: str = "",
    error: str = "",
    place: str = "",
    more: tuple[tuple[str, str], ...] = (),
) -> BrowseError:
    """Return an error with the page's facts behind its own (`more`)."""
    return BrowseError(
        code,
        title,
        field=where,
        label=label,
        facts=(*more, *evidence.facts(page)),
        hint=hint,
        error=error,
        place=place,
    )


def unknown(
    page: Snapshot, shows: Mapping[str, Mapping[str, Any]], walked: Walked = NOTHING, lost: Iterable[str] = ()
) -> BrowseError:
    """Say what an undescribed page is: an error document of the server, or a page to add to the environment.

    `lost` are scripts that did not load; without those of its own host a page may be only the frame of one.
    """
    code = evidence.oauth_error(page.text)
    what = page.heading or page.title or evidence.excerpt(page.text)[:60]
    if (page.status or 0) >= CLIENT_ERROR or (evidence.is_json(page) and code):
        broke = (page.status or 0) >= SERVER_ERROR and not (evidence.is_json(page) and code)
        said = f" {code}:" if code and not broke else ""
        title = (
            f"the server showed an error page instead ({page.status}):{said} '{what}'"
            if what
            else f"the server answered with the status {page.status} and an empty page"
        )
        if broke:
            hint = (
                "this is no refusal: the server broke; look into its log. Where it really refuses with such a page, "
                "describe the page in the environment, with means: refused"
            )
            return at_page("page-error", title, page, hint=hint)
        hint = "if this is expected, write outcome: {refused: {page: " + (f"[{code}]" if code else "any") + "}}"
        return at_page("page-error", title, page, error=code, place="page", hint=hint)
    near = nearest(page, shows)
    more = (("nearest", near),) if near else ()
    own = [without_parameters(url) for url in lost if urlsplit(url).netloc == urlsplit(page.url).netloc]
    if own and not page.of(FIELD, BUTTON):
        title = f"scripts of the page did not load, so it is not complete: '{what}'"
        more = (*more, *(("script", url) for url in own[:MOST_LOST]))
        return at_page("page-unknown", title, page, more=more, hint="see why the server does not serve its scripts")
    pasted = page_yaml(page, walked=walked)
    return at_page(
        "page-unknown",
        f"no page of the environment describes this one: '{what}'",
        page,
        more=more,
        hint=f"add it to the environment's pages:\n{pasted}" if pasted else NOTHING_TO_USE,
    )


def nearest(page: Snapshot, shows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the described page that most of is there, and what it lacks; empty when none is there in part."""
    verdicts = {name: judge(conditions, page) for name, conditions in shows.items()}
    name = max(verdicts, key=lambda name: verdicts[name].met / max(1, verdicts[name].total), default="")
    if not name or not verdicts[name].met:
        return ""
    missing = [
        f"no {kind} {' or '.join(map(repr, words_of(value)))}"
        for kind, value in shows[name].items()
        if not judge({kind: value}, page).holds
    ]
    return f"{name}, but {', '.join(missing)}"


def ambiguous(names: tuple[str, ...], page: Snapshot) -> BrowseError:
    """Say that several described pages fit equally well."""
    return at_page(
        "page-ambiguous",
        f"this page is {' and '.join(map(repr, names))} equally",
        page,
        where=(names[0], "shows"),
        hint="give one of them a condition that the other page does not meet",
    )


def came_back(name: str, page: Snapshot, failed_if: str = "") -> BrowseError:
    """Say that the page's actions lead back to it; `failed_if` are the words that are new on it, ready to paste."""
    hint = (
        f"are user name and password right? the page says what it did not say at first; where these words mean "
        f"that it failed, write below '{name}':\n{failed_if}"
        if failed_if
        else "its actions do not lead on: are user name and password right? look at what the page says; describe those "
        "words as failed_if, or as a page that means: refused"
    )
    return at_page(
        "page-stuck",
        f"the page '{name}' came back: the same page with the same content came back three times",
        page,
        where=(name,),
        hint=hint,
    )


def did_not_change(name: str, page: Snapshot, seconds: float, failed_if: str = "") -> BrowseError:
    """Say that the page's actions lead nowhere; `failed_if` are the words that are new on it, ready to paste."""
    pasted = f"; where these words mean that it failed, write below '{name}':\n{failed_if}"
    return at_page(
        "page-stuck",
        f"the page '{name}' did not change after its actions (waited {seconds:g} s)",
        page,
        where=(name,),
        hint="the last action has to lead on"
        + (pasted if failed_if else "; if the page shows an error, describe it as failed_if"),
    )


def answer_missing(name: str, choices: Iterable[str], page: Snapshot) -> BrowseError:
    """Say that the page has answers and the step chose none."""
    words = list(choices)
    return at_page(
        "answer-missing",
        f"the page '{name}' asks for an answer, and the step gives none",
        page,
        where=(name, "answers"),
        hint=f"write what to answer: answers: {{{name}: {words[0]}}} (it can be {' or '.join(words)})",
    )


def answer_unknown(name: str, word: str, choices: Iterable[str], page: Snapshot) -> BrowseError:
    """Say that the step chose an answer which the page does not have."""
    words = list(choices)
    return at_page(
        "answer-unknown",
        f"the page '{name}' has no answer '{word}'; it has {' or '.join(words)}",
        page,
        where=(name, "answers"),
        label=did_you_mean(word, words),
    )


def too_long(done: Iterable[str], page: Snapshot, seconds: float) -> BrowseError:
    """Say that the time of the whole walk is over."""
    return at_page(
        "browse-timeout",
        f"the redirect_uri was not reached within {seconds:g} s; pages done: {quoted(done)}",
        page,
    )


def no_answer(host: str, seconds: float) -> BrowseError:
    """Say that a server was asked for a page and does not answer."""
    return BrowseError(
        "unreachable",
        f"{host} did not answer within {seconds:g} s",
        exit_code=UNREACHABLE,
        facts=(("host", host),),
    )


def hangs(url: str) -> BrowseError:
    """Say that a script on the page never ends."""
    return BrowseError(
        "page-hangs",
        "the page does not react any more: a script on it does not come to an end",
        facts=(("url", without_parameters(url)),),
        hint="open the page by hand; if it hangs there too, it is the page's fault",
    )


def no_tab() -> BrowseError:
    """Say that there is no tab to go on in."""
    return BrowseError(
        "window-missing",
        "the tab that a browse with stop: true left open is not there any more",
        field=("resume",),
        hint="between the two may only stand browse steps with session: keep; any other begins with an empty browser",
    )


def only_in_browser() -> BrowseError:
    """Say that a person at another browser can't be asked for this."""
    return BrowseError(
        "wrong-value",
        "stop, resume, reload and hold need a browser that flowrun drives; by hand there is none",
        hint="leave out by: hand (--by-hand)",
    )


def crashed() -> BrowseError:
    """Say that the browser is gone."""
    return BrowseError(
        "browser-crashed",
        "the browser ended in the middle of the step",
        exit_code=NO_BROWSER,
        hint="run it again; if it stays so, look at the machine's memory and at the browser's version",
    )
