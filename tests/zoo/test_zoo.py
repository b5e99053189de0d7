"""Every page of the zoo, several times, with nothing but an environment's pages. `make zoo` goes round 50 times."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.zoo.server import OTP_SECRET, SITE, Zoo, open_zoo

from flowrun import validate
from flowrun.browser import BrowseError, Walk, open_browser
from flowrun.document import parse
from flowrun.template import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowrun.browser.driver import Browser

pytestmark = pytest.mark.browser

ROUNDS = int(os.environ.get("FLOWRUN_ZOO", "5"))
HERE = Path(__file__).parent
TAME = yaml.safe_load((HERE / "animals.yaml").read_text("utf-8"))  # each shows one thing
WILD = yaml.safe_load((HERE / "wild.yaml").read_text("utf-8"))  # whole flows of well-known products, made of the same
ANIMALS: dict[str, dict[str, Any]] = {**TAME, **WILD}
SUGGESTED = ("auth0", "ping", "forgerock", "govuk")
MOST_PAGES = 4
# Errors that come when an action's time is over.
SOON = frozenset({"not-seen", "control-ambiguous", "control-covered", "control-stuck"})
USER = {"username": "alice", "password": "s3cret-Pa55", "totp": OTP_SECRET}
PARAMS = {"code": "C0DE", "state": "S"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as one:
        yield one


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with open_zoo() as one:
        yield one


def go(browser: Browser, zoo: Zoo, name: str, animal: dict[str, Any], pages: Any) -> Walk:
    to = animal.get("to", "https://app.invalid/cb")
    zoo.begin(to, animal.get("mode", "query"))
    read: dict[str, str] = {}
    names = {"user": USER, "answers": animal.get("answers", {}), "read": read}
    return browser.walk(
        f"{zoo.here}/{animal.get('open', name)}",
        redirect_uri=to,
        pages=pages,
        fill=lambda value, _path: fill(value, names),
        answers=animal["answers"] if "answers" in animal else dict.fromkeys(pages, "approve"),
        page_seconds=1.0 if animal.get("error") in SOON else 20.0,
        total_seconds=60.0,
        tell=lambda _visit: None,
        keep=read.__setitem__,
    )


def check(done: Walk, zoo: Zoo, animal: dict[str, Any]) -> None:
    if "ends" in animal:
        assert done.callback is None
        assert {"refused": done.refused, "done": done.done}[animal["ends"]] is done.pages[-1]
    else:
        assert done.callback is not None
        assert dict(done.callback.params) == animal.get("params", PARAMS)
        assert done.callback.place == animal.get("mode", "query")
        assert done.hops[-1][:2] == (animal.get("to", "https://app.invalid/cb"), None)
    assert not any("cookie" in header for hop in done.hops for header in hop.headers)
    if "seen" in animal:
        assert [visit.name for visit in done.pages] == animal["seen"]
    if "told" in animal:
        assert zoo.told == animal["told"]
    assert zoo.told.items() >= animal.get("tells", {}).items()


@pytest.mark.parametrize("name", ANIMALS)
def test_animal(browser: Browser, zoo: Zoo, name: str) -> None:
    animal = ANIMALS[name]
    for round_ in range(ROUNDS if name in TAME or "FLOWRUN_ZOO" in os.environ else 1):
        browser.clear()
        if "error" in animal:
            with pytest.raises(BrowseError) as caught:
                go(browser, zoo, name, animal, animal["pages"])
            error = caught.value
            assert (error.code, error.title[: len(animal["says"])]) == (animal["error"], animal["says"]), round_
            assert error.page is not None
            assert (error.page.screenshot or b"").startswith(b"\x89PNG")
            assert animal.get("console") in {None, *(text for _, text in error.facts)}
            if "paste" in animal:
                pasted = yaml.safe_load(error.hint.partition("\n")[2])
                check(go(browser, zoo, name, animal, pasted), zoo, {"told": animal["paste"]})
        else:
            try:
                done = go(browser, zoo, name, animal, animal["pages"])
            except BrowseError as error:
                pytest.fail(f"round {round_}: {error.code}: {error.title}\n{error.facts}")
            check(done, zoo, animal)
            if "again" in animal:
                done = go(browser, zoo, name, animal, animal["pages"])
                assert [visit.name for visit in done.pages] == animal["again"]


@pytest.mark.parametrize("name", SUGGESTED)
def test_the_pages_that_messages_suggest_lead_through(browser: Browser, zoo: Zoo, name: str) -> None:
    pages: dict[str, Any] = {}
    for number in range(MOST_PAGES):
        browser.clear()
        try:
            done = go(browser, zoo, name, {}, pages)
        except BrowseError as error:
            if error.code != "page-unknown":
                raise
            pages[f"page_{number}"] = yaml.safe_load(error.hint.partition("\n")[2])["new_page"]
        else:
            assert [visit.name for visit in done.pages] == list(pages)
            assert done.callback is not None
            return
    pytest.fail(f"still not through: {pages}")


def test_pages_are_written_as_in_an_environment() -> None:
    pages = {f"{name}_{page}": what for name, animal in ANIMALS.items() for page, what in animal["pages"].items()}
    text = yaml.safe_dump(
        {
            "environment": "zoo",
            "server": "embedded",
            "clients": {"default": {"client_id": "x", "redirect_uri": "https://app.invalid/cb"}},
            "pages": pages,
        },
        allow_unicode=True,
    )
    assert validate.complete(parse(text, "zoo.yaml", Path("zoo.yaml")), "environment") == []


def test_every_page_of_the_site_is_visited() -> None:
    opened = {str(animal.get("open", name)).partition("?")[0] for name, animal in ANIMALS.items()}
    linked = "".join(path.read_text("utf-8") for path in [*SITE.glob("*.html"), Path(__file__).with_name("server.py")])
    assert not [
        p.stem
        for p in SITE.glob("*.html")
        if p.stem not in opened and not (f"/{p.stem}" in linked or f'"{p.stem}"' in linked)
    ]


def test_the_way_is_kept_with_status_and_headers(browser: Browser, zoo: Zoo) -> None:
    browser.clear()
    done = go(browser, zoo, "hops", ANIMALS["hops"], ANIMALS["hops"]["pages"])
    assert [hop.status for hop in done.hops] == [308, 307, 303, 302, 301, 200, 303, None]
    assert done.hops[0].headers["location"] == f"{zoo.other}/hops?left=3"
    assert done.hops[0].headers["referrer-policy"] == "no-referrer"
