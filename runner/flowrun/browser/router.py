"""Go through the pages: whichever page is there is done, in any order, across hosts, until the redirect_uri."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowrun.browser import complaints, evidence
from flowrun.browser.actions import perform
from flowrun.browser.cdp import CdpGone
from flowrun.browser.conditions import Choice, choose, judge, what_holds, words_of
from flowrun.browser.model import PLAIN, BrowseError, Manner, PageVisit, Walk
from flowrun.browser.network import unreachable
from flowrun.browser.proposal import Walked, failed_if_yaml
from flowrun.browser.scene import TICK, ArrivedError, ControlAwayError, Scene
from flowrun.browser.screen import OWN_PAGES
from flowrun.browser.snapshot import BUTTON, CLIENT_ERROR, FIELD
from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowrun.browser.model import Hop, Path
    from flowrun.browser.screen import Screen
    from flowrun.browser.snapshot import Snapshot

SAME_PAGE_LIMIT = 3  # complaints.came_back says it in words
SETTLE_SECONDS = 0.2  # another page with as many conditions is there in part: which one it is shows within this
LOADING_SECONDS = 0.5  # a document held up by a script from elsewhere is used all the same after this
DATA_SECONDS = 1.0  # a page that fetches something may become another one; it is waited for this long
BREATH_SECONDS = 0.05  # from one thing fetched to the next, or to what is drawn of it
QUIET_SECONDS = 1.5  # a page nobody described, complete and unchanged for this long, will not become another one
QUIET_ERROR_SECONDS = 0.3  # the same for an error document without scripts
BLANK = "about:blank"


class FlashedError(Exception):
    """A page has become another one before anything was done on it."""


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
    keep: Callable[[str, str], None] = lambda _name, _text: None
    pictures: bool = False
    slow: float = 0.0  # seconds to wait before each action, for people who watch
    manner: Manner = PLAIN
    personal: tuple[str, ...] = ()  # words of one user or client, which recognise no page for others
    before: tuple[Hop, ...] = ()  # the way to where the walk resumes


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
    met: set[str] = field(default_factory=set)  # pages whose actions were done
    old_words: str = ""  # what the page's failed_if matched before its actions
    texts: dict[str, str] = field(default_factory=dict)  # what each page said when it came first
    times: Counter[tuple[str, object]] = field(default_factory=Counter)
    last: Snapshot | None = None
    changed_at: float = 0.0
    busy_at: float = 0.0  # when the page was last seen to fetch something
    found: tuple[str, float] | None = None  # the page that was recognised, and its document; its actions come next
    found_at: float = 0.0
    began_at: float = 0.0  # when the wait for the next page began
    until: float = 0.0
    stale: float | None = None  # the document that was there before, and is to go
    todo: list[str] = field(default_factory=list)  # what the manner wants done on the first page
    stopped: PageVisit | None = None

    @property
    def action_seconds(self) -> float:
        """How long an action may wait for what it needs."""
        return self.request.page_seconds

    def run(self) -> Walk:
        """Walk to the callback or to a refusal; BrowseError with the page on it when neither comes."""
        try:
            return self._run()
        except CdpGone as error:
            self.screen.capture.crashed = True
            raise self._complete(complaints.crashed()) from error
        except BrowseError as error:
            raise self._complete(error) from error.__cause__

    def _complete(self, error: BrowseError) -> BrowseError:
        capture = self.screen.capture
        error.pages = tuple(self.visits)
        error.hops = (*self.request.before, *capture.hops)
        error.facts = (*error.facts, *evidence.way(error.hops, capture.console))
        if self.screen.hangs:
            capture.crashed = True  # a browser with a page that never ends is replaced
        if error.page is None and self.last is not None and self.last.url != BLANK:
            picture = self.screen.picture() if capture.alive else None
            error.page = self._visit(self._named(), self.last, picture)
        return error

    def _named(self) -> str:
        return choose(self.shows, self.last).name if self.last is not None else ""

    def _run(self) -> Walk:
        screen, request = self.screen, self.request
        self.shows = {name: self._conditions(name, "shows") for name in request.pages}
        manner = request.manner
        self.todo = [word for word in ("hold", "reload", "stop") if getattr(manner, word)]
        before = None if manner.resume or screen.fresh else screen.read()
        screen.used()
        self.stale = before.document if before is not None else None
        screen.capture.begin(request.redirect_uri, screen.target)
        self.began_at = self.changed_at = time.monotonic()
        self.until = self.began_at + request.total_seconds
        if not manner.resume:
            screen.capture.go(screen.target, request.url)
        while screen.capture.callback is None:
            if not screen.capture.alive:  # crashed, or closed because somebody pressed Ctrl-C
                raise CdpGone("the browser ended")
            self._check_network()
            sent = screen.capture.hops or manner.resume  # else not even the first request is sent yet
            page = screen.read() if sent else None
            if page is None or page.document == self.stale or not self._has_come(page):
                self._check_answer()
            else:
                self._note(page)
                last = self._next(page)
                if last is not None:
                    return self._end(last)
            screen.capture.pause(TICK)
        return self._end(None)

    def _has_come(self, page: Snapshot) -> bool:
        """Tell whether this is a page of the walk, not what the tab showed before or shows when there is none."""
        if page.url == BLANK or page.url.startswith(OWN_PAGES):
            return False
        return self.last is not None or not self.screen.waiting()

    def _end(self, last: PageVisit | None) -> Walk:
        """End with the callback, or on a page that means an end."""
        capture = self.screen.capture
        means = self.request.pages[last.name].get("means", "") if last and not self.stopped else ""
        return Walk(
            callback=None if last else capture.callback,
            pages=tuple(self.visits),
            refused=last if means == "refused" else None,
            done=last if means == "done" else None,
            stopped=self.stopped,
            hops=(*self.request.before, *capture.hops),
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
        if self._busy():
            self.busy_at = now
        self.last = page

    def _next(self, page: Snapshot) -> PageVisit | None:
        """Do the page that is there, if it is one and it is time; return the visit of a page that ends the walk."""
        choice = choose(self.shows, page)
        if self._is_done(choice, page):
            self._check_stuck(page)
        elif choice.name and self._is_settled(choice, page):
            ends = self.request.pages[choice.name].get("means")
            return self._arrive(choice.name, page) if self.todo and not ends else self._do(choice.name, page)
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
        now = time.monotonic()
        quiet = now - self.changed_at
        if page.ready == "loading" and quiet < LOADING_SECONDS:
            return False
        if (choice.name, page.document) != self.found:
            self.found, self.found_at = (choice.name, page.document), now
        if not page.still:
            if now - self.busy_at < BREATH_SECONDS and now - self.found_at < DATA_SECONDS:
                return False
            if not self._is_answered(choice.name) and quiet < LOADING_SECONDS:
                return False  # it is an error only where this is the page, and not what flashes before it
        return not choice.rivals or page.still or quiet >= SETTLE_SECONDS

    def _is_answered(self, name: str) -> bool:
        """Tell whether the step has an answer that the page takes, if it asks for one."""
        choices = self.request.pages[name].get("answers") or {}
        return not choices or self.request.answers.get(name) in choices

    def _busy(self) -> bool:
        return self.screen.capture.busy(self.screen.target)

    def _arrive(self, name: str, page: Snapshot) -> PageVisit | None:
        """Do one thing that the manner wants done on the first page; after it the page is looked at anew."""
        match self.todo.pop(0):
            case "hold":
                self.request.manner.pause(self.request.manner.hold)
                self.until += self.request.manner.hold
                self.began_at = time.monotonic()
            case "reload":
                self.stale = page.document
                self.screen.reload()
            case "stop":
                self.stopped = self._visit(name, page, self.screen.picture() if self.request.pictures else None)
                self._tell(self.stopped)
        return self.stopped

    def _do(self, name: str, page: Snapshot) -> PageVisit | None:
        request, described = self.request, self.request.pages[name]
        self.old_words = self._failed(name, page)
        if self.old_words and (name in self.met or not (described.get("do") or described.get("answers"))):
            raise self._says(name, page, self.old_words)
        if described.get("means"):
            visit = self._visit(name, page, self.screen.picture())
            self._tell(visit)
            return visit
        if self.times[name, page.form] + 1 >= SAME_PAGE_LIMIT:
            raise complaints.came_back(name, page, self._new_words(name, page))
        self.texts.setdefault(name, page.text)
        actions = self._actions(name, page)
        picture = self.screen.picture() if request.pictures else None
        self.found = None
        scene = Scene(self.screen, name, self.action_seconds, self.until, page, keep=request.keep)
        scene.other = lambda now: self._other(name, now)
        over = ""
        try:
            over = self._act(scene, actions)
        except ArrivedError:
            pass  # the redirect_uri is reached: what is left of the actions has no page any more
        except FlashedError:
            return None
        except BrowseError:
            self.last = scene.snapshot
            raise
        self.met.add(name)
        self.times[name, page.form] += 1
        self.done, self.done_name = page, name
        self._tell(self._visit(name, page, picture))
        self.done_at = self.began_at = time.monotonic()
        return self._do(over, scene.snapshot) if over else None

    def _other(self, name: str, page: Snapshot) -> str:
        """Return the page that is there beside this one, or in its place."""
        return choose({other: shows for other, shows in self.shows.items() if other != name}, page).name

    def _act(self, scene: Scene, actions: list[tuple[Path, Mapping[str, Any]]]) -> str:
        """Do the actions; a page that goes on by itself meanwhile, as after the last digit of a code, is done.

        FlashedError when it went before the first of them: it was none, only what an app shows while it loads.
        Return the page that came over it and has to go first, as a banner does, or an empty text.
        """
        for number, (where, action) in enumerate(actions):
            scene.where = where
            if self.request.slow:
                scene.linger(self.request.slow)
                self.until = scene.until  # being watched is not waiting
            try:
                perform(scene, self.request.fill(action, where[:-1]))
            except ControlAwayError as error:
                if error.code == "control-covered" and self._other(scene.page, scene.snapshot):
                    return self._other(scene.page, scene.snapshot)
                if choose(self.shows, scene.snapshot).name not in {"", scene.page}:
                    if not number:
                        raise FlashedError from error
                    return ""
                raise
        return ""

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

    def _failed(self, name: str, page: Snapshot) -> str:
        """Return what the page shows of its failed_if, empty when it does not hold."""
        if not self.request.pages[name].get("failed_if"):
            return ""
        conditions = self._conditions(name, "failed_if")
        return what_holds(conditions, page) if judge(conditions, page).holds else ""

    def _says(self, name: str, page: Snapshot, words: str) -> BrowseError:
        return complaints.at_page("page-failed", f"the page '{name}' says {words}", page, where=(name, "failed_if"))

    def _check_stuck(self, page: Snapshot) -> None:
        """Wait while a page whose actions are done is still there, unless it says that it failed.

        What it said before its actions says nothing of them: it may be left from an earlier try, and go only with
        the page.
        """
        over = time.monotonic() - self.done_at > self.request.page_seconds
        words = self._failed(self.done_name, page)
        if words and (words != self.old_words or over):
            raise self._says(self.done_name, page, words)
        self.old_words = words  # once it is gone, it is new when it comes again
        if not over:
            return
        new = self._new_words(self.done_name, page)
        raise complaints.did_not_change(self.done_name, page, self.request.page_seconds, new)

    def _new_words(self, name: str, page: Snapshot) -> str:
        """Return what a page says that it did not say when it came first, as `failed_if` of the environment."""
        if self.request.pages[name].get("failed_if"):
            return ""  # it would be there twice
        return failed_if_yaml(self.texts.get(name, page.text), page, Walked(self.request.personal))

    def _check_unknown(self, choice: Choice, page: Snapshot) -> None:
        now = time.monotonic()
        waited, quiet = now - self.began_at, now - self.changed_at
        if waited <= self.request.page_seconds and not self._is_final(page, quiet, tied=bool(choice.tied)):
            return
        self._check_network()
        if choice.tied:
            raise complaints.ambiguous(choice.tied, page)
        walked = Walked(self.request.personal, [visit.heading for visit in self.visits])
        raise complaints.unknown(page, self.shows, walked, self.screen.capture.lost(self.screen.target))

    def _is_final(self, page: Snapshot, quiet: float, *, tied: bool) -> bool:
        """Tell whether a page that is none will stay so, before its whole time is over."""
        if page.ready != "complete" or page.leaves or self._busy():
            return False
        if page.still and (evidence.is_json(page) or tied or (page.status or 0) >= CLIENT_ERROR):
            return quiet >= QUIET_ERROR_SECONDS
        if not page.still and any(judge(shows, page).met for shows in self.shows.values()) and not tied:
            return False  # a described page in part: the rest may still come
        shows = tied or (page.status or 0) >= CLIENT_ERROR or bool(page.of(FIELD, BUTTON))
        return quiet >= QUIET_SECONDS and (page.still or shows)

    def _check_network(self) -> None:
        failure = self.screen.capture.failure(self.screen.target)
        if failure is not None:
            raise unreachable(*failure, redirect_uri=self.request.redirect_uri)

    def _check_answer(self) -> None:
        """Wait for a page that is on its way, the first or one in between, as long as a page may take."""
        now = time.monotonic()
        if now > self.until or now - self.began_at > self.request.page_seconds:
            if self.screen.hangs:
                raise complaints.hangs(self.screen.capture.hops[-1].url)
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
