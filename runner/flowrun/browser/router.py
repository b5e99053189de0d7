"""Go through the pages: whichever page is there is done, in any order, across hosts, until the redirect_uri."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowrun.browser import complaints, evidence
from flowrun.browser.actions import perform
from flowrun.browser.cdp import CdpGone
from flowrun.browser.conditions import Choice, choose, judge, what_holds, words_of
from flowrun.browser.model import BrowseError, PageVisit, Walk
from flowrun.browser.network import unreachable
from flowrun.browser.scene import TICK, ArrivedError, ControlMissingError, Scene
from flowrun.browser.snapshot import BUTTON, FIELD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowrun.browser.model import Path
    from flowrun.browser.screen import Screen
    from flowrun.browser.snapshot import Snapshot

SAME_PAGE_LIMIT = 3  # complaints.came_back says it in words
SETTLE_SECONDS = 0.2  # another page with as many conditions is there in part: which one it is shows within this
LOADING_SECONDS = 0.5  # a document held up by a script from elsewhere is used all the same after this
QUIET_SECONDS = 1.5  # a page nobody described, complete and unchanged for this long, will not become another one
QUIET_ERROR_SECONDS = 0.3  # the same for an error document without scripts
BLANK = "about:blank"
NO_PAGE = "chrome-error:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a walk is given; see Browser.walk."""

    url: str
    redirect_uri: str
    pages: Mapping[str, Mapping[str, Any]]
    fill: Callable[[object, Path], Any]
    answers: Mapping[str, str]
    page_seconds: float
    total_seconds: float
    tell: Callable[[PageVisit], None]
    pictures: bool = False


@dataclass(slots=True)
class Walker:
    """One walk. All times are seconds of the monotonic clock."""

    screen: Screen
    request: Request
    shows: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    visits: list[PageVisit] = field(default_factory=list)
    done: Snapshot | None = None  # the page that was acted on last, as it was when its actions began
    done_name: str = ""
    done_at: float = 0.0
    times: Counter[tuple[str, object]] = field(default_factory=Counter)
    last: Snapshot | None = None
    changed_at: float = 0.0
    began_at: float = 0.0  # when the wait for the next page began
    until: float = 0.0

    def run(self) -> Walk:
        """Walk to the callback or to a refusal; BrowseError with the page on it when neither comes."""
        try:
            return self._run()
        except CdpGone as error:
            raise self._complete(complaints.crashed()) from error
        except BrowseError as error:
            raise self._complete(error) from error.__cause__

    def _complete(self, error: BrowseError) -> BrowseError:
        error.pages = tuple(self.visits)
        error.hops = tuple(self.screen.capture.hops)
        if error.page is None and self.last is not None and self.last.url != BLANK:
            picture = self.screen.picture() if self.screen.capture.alive else None
            error.page = self._visit(self._named(), self.last, picture)
        return error

    def _named(self) -> str:
        return choose(self.shows, self.last).name if self.last is not None else ""

    def _run(self) -> Walk:
        screen, request = self.screen, self.request
        self.shows = {name: self._conditions(name, "shows") for name in request.pages}
        before = screen.read()
        stale = before.document if before is not None else None
        screen.capture.begin(request.redirect_uri, screen.target)
        self.began_at = self.changed_at = time.monotonic()
        self.until = self.began_at + request.total_seconds
        screen.capture.go(screen.target, request.url)
        while screen.capture.callback is None:
            if not screen.capture.alive:  # crashed, or closed because somebody pressed Ctrl-C
                raise CdpGone("the browser ended")
            self._check_network()
            page = screen.read() if screen.capture.hops else None  # the first request is not even sent yet
            if page is None or page.document == stale or not self._has_come(page):
                self._check_answer()
            else:
                self._note(page)
                refused = self._next(page)
                if refused is not None:
                    return self._end(refused)
            screen.capture.pause(TICK)
        return self._end(None)

    def _has_come(self, page: Snapshot) -> bool:
        """Tell whether this is a page of the walk, not what the tab showed before or shows when there is none."""
        if page.url == BLANK or page.url.startswith(NO_PAGE):
            return False
        return self.last is not None or not self.screen.waiting()

    def _end(self, refused: PageVisit | None) -> Walk:
        capture = self.screen.capture
        return Walk(
            callback=None if refused else capture.callback,
            pages=tuple(self.visits),
            refused=refused,
            hops=tuple(capture.hops),
        )

    def _conditions(self, name: str, key: str) -> Mapping[str, Any]:
        """Return a page's conditions, their holes filled."""
        conditions: Mapping[str, Any] = self.request.pages[name].get(key) or {}
        if any("{{" in words for value in conditions.values() for words in words_of(value)):
            conditions = self.request.fill(conditions, (name, key))
        return conditions

    def _note(self, page: Snapshot) -> None:
        """Remember when the page last changed, and when the wait for the next one began."""
        now = time.monotonic()
        if self.last is None or page.document != self.last.document:
            self.began_at = self.changed_at = now
        elif page.content != self.last.content or page.url != self.last.url:
            self.changed_at = now
        self.last = page

    def _next(self, page: Snapshot) -> PageVisit | None:
        """Do the page that is there, if it is one and it is time; return the visit of a refusal."""
        choice = choose(self.shows, page)
        if self._is_done(choice, page):
            self._check_stuck(page)
        elif choice.name and self._is_settled(choice, page):
            return self._do(choice.name, page)
        elif not choice.name:
            self._check_unknown(choice, page)
        if time.monotonic() > self.until:
            raise complaints.too_long((visit.name for visit in self.visits), page, self.request.total_seconds)
        return None

    def _is_done(self, choice: Choice, page: Snapshot) -> bool:
        """Tell whether this is still the page whose actions were done, and not another one of the same name."""
        if self.done is None or choice.name != self.done_name or page.document != self.done.document:
            return False
        quiet = time.monotonic() - self.changed_at > LOADING_SECONDS and not self._busy()
        return not (page.url != self.done.url and page.content != self.done.content and quiet)

    def _is_settled(self, choice: Choice, page: Snapshot) -> bool:
        quiet = time.monotonic() - self.changed_at
        if page.ready == "loading" and quiet < LOADING_SECONDS:
            return False
        return not choice.rivals or page.still or quiet >= SETTLE_SECONDS

    def _busy(self) -> bool:
        return self.screen.capture.busy(self.screen.target)

    def _do(self, name: str, page: Snapshot) -> PageVisit | None:
        request, described = self.request, self.request.pages[name]
        self._check_failed(name, page)
        if described.get("means") == "refused":
            visit = self._visit(name, page, self.screen.picture())
            self._tell(visit)
            return visit
        self.times[name, page.form] += 1
        if self.times[name, page.form] >= SAME_PAGE_LIMIT:
            raise complaints.came_back(name, page)
        actions = self._actions(name, page)
        picture = self.screen.picture() if request.pictures else None
        self.done, self.done_name = page, name
        scene = Scene(self.screen, name, request.page_seconds, self.until, page)
        try:
            self._act(scene, actions)
        except ArrivedError:
            pass  # the redirect_uri is reached: what is left of the actions has no page any more
        except BrowseError:
            self.last = scene.snapshot
            raise
        self._tell(self._visit(name, page, picture))
        self.done_at = self.began_at = time.monotonic()
        return None

    def _act(self, scene: Scene, actions: list[tuple[Path, Mapping[str, Any]]]) -> None:
        """Do the actions; a page that goes on by itself meanwhile, as after the last digit of a code, is done."""
        for number, (where, action) in enumerate(actions):
            scene.where = where
            try:
                perform(scene, self.request.fill(action, where[:-1]))
            except ControlMissingError:
                if number and choose(self.shows, scene.snapshot).name not in {"", scene.page}:
                    return
                raise

    def _tell(self, visit: PageVisit) -> None:
        self.visits.append(visit)
        self.request.tell(visit)

    def _actions(self, name: str, page: Snapshot) -> list[tuple[Path, Mapping[str, Any]]]:
        described = self.request.pages[name]
        actions: list[tuple[Path, Mapping[str, Any]]] = _located((name, "do"), described.get("do"))
        choices: Mapping[str, Any] = described.get("answers") or {}
        if not choices:
            return actions
        word = self.request.answers.get(name)
        if word is None:
            raise complaints.answer_missing(name, choices, page)
        if word not in choices:
            raise complaints.answer_unknown(name, word, choices, page)
        return actions + _located((name, "answers", word), choices[word])

    def _check_failed(self, name: str, page: Snapshot) -> None:
        if not self.request.pages[name].get("failed_if"):
            return
        conditions = self._conditions(name, "failed_if")
        if judge(conditions, page).holds:
            words = what_holds(conditions, page)
            raise complaints.at_page("page-failed", f"the page '{name}' says {words}", page, where=(name, "failed_if"))

    def _check_stuck(self, page: Snapshot) -> None:
        """Wait while a page whose actions are done is still there, unless it says that it failed."""
        self._check_failed(self.done_name, page)
        if time.monotonic() - self.done_at <= self.request.page_seconds:
            return
        raise complaints.did_not_change(self.done_name, page, self.request.page_seconds)

    def _check_unknown(self, choice: Choice, page: Snapshot) -> None:
        now = time.monotonic()
        waited, quiet = now - self.began_at, now - self.changed_at
        if waited <= self.request.page_seconds and not self._is_final(page, quiet, tied=bool(choice.tied)):
            return
        self._check_network()
        if choice.tied:
            raise complaints.ambiguous(choice.tied, page)
        raise complaints.unknown(page, self.shows)

    def _is_final(self, page: Snapshot, quiet: float, *, tied: bool) -> bool:
        """Tell whether a page that is none will stay so, before its whole time is over."""
        if page.ready != "complete" or self._busy():
            return False
        if page.still and (evidence.is_json(page) or tied or (page.status or 0) >= complaints.CLIENT_ERROR):
            return quiet >= QUIET_ERROR_SECONDS
        if not page.still and any(judge(shows, page).met for shows in self.shows.values()) and not tied:
            return False  # a described page in part: the rest may still come
        return quiet >= QUIET_SECONDS and (page.still or tied or bool(page.of(FIELD, BUTTON)))

    def _check_network(self) -> None:
        failure = self.screen.capture.failure(self.screen.target)
        if failure is not None:
            raise unreachable(*failure, redirect_uri=self.request.redirect_uri)

    def _check_answer(self) -> None:
        """Wait for a page that is on its way, the first or one in between, as long as a page may take."""
        now = time.monotonic()
        if now > self.until or now - self.began_at > self.request.page_seconds:
            host = urlsplit(self.screen.waiting() or self.request.url).netloc
            raise complaints.no_answer(host, min(self.request.page_seconds, self.request.total_seconds))

    def _visit(self, name: str, page: Snapshot, picture: bytes | None) -> PageVisit:
        return PageVisit(
            name=name,
            url=page.url,
            title=page.title,
            heading=page.heading,
            status=page.status,
            text=page.text,
            screenshot=picture,
            seconds=time.monotonic() - self.began_at,
        )


def _located(base: Path, actions: Any) -> list[tuple[Path, Mapping[str, Any]]]:
    """Pair each action with its path, the action's word included."""
    return [((*base, number, next(iter(action))), action) for number, action in enumerate(actions or ())]
