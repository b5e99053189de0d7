"""What is read from a page: see, not_see, wait, read. One function an action, as in `actions`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from flowrun.browser.conditions import judge, words_of
from flowrun.browser.finder import CSS, find, find_names, is_exact, plain, quoted, shows_text, tidy
from flowrun.browser.snapshot import BUTTON, FIELD, HEADING, LINK
from flowrun.errors import did_you_mean

if TYPE_CHECKING:
    from flowrun.browser.model import BrowseError
    from flowrun.browser.scene import Scene
    from flowrun.browser.screen import Held
    from flowrun.browser.snapshot import Listing, Snapshot

QUIET_SECONDS = 0.3  # a text that must not be there: give the page this long to show it
AS, NOTHING_ELSE_IN = "as", "nothing_else_in"
# What an element holds, or says; a list says its option, a box whether it is ticked.
READ_WORDS = """const [e] = arguments;
if (e.matches("input[type=checkbox],input[type=radio]")) return String(e.checked);
if (e.tagName === "SELECT") return [...e.selectedOptions].map((option) => option.label || option.text).join(", ");
return e.matches("input,textarea") ? e.value : e.innerText;"""


def see(scene: Scene, value: Any) -> None:
    """`see: text`, a list, or `{permissions: [code, …], as: {code: words}}`: all of it must be visible.

    With `nothing_else_in: heading` the list under that heading may hold nothing but what was asked for.
    """
    wanted = expected_words(value)
    if not scene.wait_until(lambda page: not _unseen(wanted, page)):
        missing = quoted(_unseen(wanted, scene.snapshot))
        raise scene.error("not-seen", f"the page does not show {missing}")
    if isinstance(value, Mapping) and value.get(NOTHING_ELSE_IN):
        _nothing_else(scene, str(value[NOTHING_ELSE_IN]), wanted)


def _unseen(wanted: Sequence[str], page: Snapshot) -> list[str]:
    captions = "\n".join(control.name for control in page.of(BUTTON, LINK, FIELD))
    return [words for words in wanted if not shows_text(words, f"{page.text}\n{captions}")]


def expected_words(value: Any) -> list[str]:
    """Return the texts that `see` asks for; codes are put into the words that `as` has for them."""
    if not isinstance(value, Mapping):
        return list(words_of(value))
    words = value.get(AS) or {}
    return [
        text
        for name, codes in value.items()
        if name not in {AS, NOTHING_ELSE_IN}
        for code in words_of(codes)
        for text in words_of(words.get(code, code))
    ]


def _nothing_else(scene: Scene, name: str, wanted: Sequence[str]) -> None:
    """Complain of what the list holds beyond the wanted words, once it has stopped growing."""
    scene.quiet(QUIET_SECONDS)
    lists: tuple[Listing, ...] = ()

    def read() -> None:
        nonlocal lists
        lists = scene.screen.listings()

    scene.again(read)
    named = {str(number): listing.name for number, listing in enumerate(lists)}
    found = [lists[int(number)] for number in find_names(name, named)]
    if not found:
        here = [listing.name for listing in lists] or [control.name for control in scene.snapshot.of(HEADING)]
        title = f"no list stands under '{name}'; lists here: {quoted(here)}"
        raise scene.error("control-missing", title, label=did_you_mean(name, here))
    more = surplus(found, wanted)
    if more:
        raise scene.error(
            "not-requested",
            f"the page asks for more than was requested: {quoted(more)}",
            hint="the server adds this to the consent; if the words stand for something that was requested, "
            "write them under as:",
        )


def surplus(lists: Sequence[Listing], wanted: Sequence[str]) -> list[str]:
    """Return the items that none of the wanted words accounts for."""
    return [item for one in lists for item in one.items if not any(shows_text(words, item) for words in wanted)]


def not_see(scene: Scene, value: Any) -> None:
    """`not_see: text` or a list: none of it may be visible once the page is quiet."""
    wanted = words_of(value)
    scene.quiet(QUIET_SECONDS)
    if not scene.wait_until(lambda page: not any(shows_text(words, page.text) for words in wanted)):
        shown = quoted(words for words in wanted if shows_text(words, scene.snapshot.text))
        raise scene.error("still-seen", f"the page shows {shown}, which it should not")


def wait(scene: Scene, value: Any) -> None:
    """`wait: text` or `{heading|text|field|button|url: …}`: until the page shows it."""
    conditions = value if isinstance(value, Mapping) else {"text": value}
    if not scene.wait_until(lambda page: judge(conditions, page).holds):
        raise scene.error("not-seen", f"the page did not come to show {_said(conditions)}")


def _said(conditions: Mapping[str, Any]) -> str:
    return ", ".join(f"{kind} {' or '.join(map(repr, words_of(value)))}" for kind, value in conditions.items())


def read(scene: Scene, value: Mapping[str, str]) -> None:
    """`read: {name: label}`: keep what stands behind, under or in what is called so."""
    for name, label in value.items():
        scene.keep(name, _words_at(scene, str(label)))


def _words_at(scene: Scene, label: str) -> str:
    held: list[str] = []

    def keep(one: Held) -> bool:
        held[:] = [tidy(str(scene.screen.driver.execute_script(READ_WORDS, one.element) or ""))]
        return bool(held[0])

    def exact(page: Snapshot) -> bool:
        return any(is_exact(label, control) for control in find(label, page.of(FIELD)))

    if label.startswith(CSS) or exact(scene.look()):
        scene.use(label, (FIELD,), keep)
        return held[0]
    if not scene.wait_until(lambda page: bool(behind(label, page.text)) or exact(page)):
        raise scene.error("not-seen", f"the page shows nothing behind '{label}'")
    found = behind(label, scene.snapshot.text)
    if not found:
        return _words_at(scene, label)  # a field has come
    if len(found) > 1:
        raise _several(scene, label, found)
    return found[0]


def _several(scene: Scene, label: str, found: Sequence[str]) -> BrowseError:
    title = f"{len(found)} texts stand behind '{label}': {quoted(found)}"
    return scene.error("control-ambiguous", title, hint='use words that stand there once, or "css:…"')


def behind(label: str, text: str) -> list[str]:
    """Return what stands under a line with this label, else behind `label:`, else behind it; each text once."""
    lines = text.splitlines()
    under = [after for line, after in pairwise(lines) if plain(line) == plain(label)]
    begin = re.escape(tidy(label).rstrip(":"))
    for found in (
        under,
        [match[1] for line in lines if (match := re.match(rf"{begin}\s*:\s*(.+)", line, re.IGNORECASE))],
        [match[1] for line in lines if (match := re.match(rf"{begin}\s+(.+)", line, re.IGNORECASE))],
    ):
        if found:
            return list(dict.fromkeys(found))
    return []
