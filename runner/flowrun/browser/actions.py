"""What can be done on a page: one function an action, one row in the table.

Each takes the scene and the action's filled value, waits for what it needs, acts the moment it is there, and raises
BrowseError when its time is over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from flowrun.browser.conditions import judge, words_of
from flowrun.browser.finder import CSS, PRESSED, find, plain, quoted, shows_text
from flowrun.browser.model import BrowseError
from flowrun.browser.snapshot import BUTTON, FIELD, LINK, OPTION
from flowrun.errors import StepError, did_you_mean

if TYPE_CHECKING:
    from flowrun.browser.scene import Scene
    from flowrun.browser.screen import Held
    from flowrun.browser.snapshot import Control, Snapshot

QUIET_SECONDS = 0.3  # a text that must not be there: give the page this long to show it
LARGEST_TYPED = 0xFFFF  # chromedriver types only what one key code unit holds
SET_BY_VALUE = frozenset({"date", "time", "datetime-local", "month", "week", "range", "color"})
# True when the text is there already; else the cursor is put on all that is there, so that typing replaces it.
SELECT_ALL = """const [e, text] = arguments;
const held = e.isContentEditable ? e.textContent : e.value;
if (held === text) return true;
e.focus();
if (e.isContentEditable) getSelection().selectAllChildren(e);
else if (held && e.select) e.select();
return false;"""
SET_VALUE = """const [e, value] = arguments;
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(e, value);
for (const name of ["input", "change"]) e.dispatchEvent(new Event(name, {bubbles: true}));"""
READ_VALUE = "return arguments[0].isContentEditable ? arguments[0].textContent : arguments[0].value"
BOXES = frozenset({"checkbox", "radio"})


def fill(scene: Scene, value: Any) -> None:
    """`fill: {label: text, …}`: type into fields; real keys, read back, typed again when the page lost it."""
    for label, text in _pairs(value):
        scene.use(label, (FIELD,), partial(_type, scene, text), among=_typed_into(label))
        scene.filled[label] = text


def _typed_into(label: str) -> Callable[[tuple[Control, ...]], tuple[Control, ...]]:
    """Look among the fields that take text; a box of the same name is not meant."""
    return lambda controls: find(label, [control for control in controls if control.type not in BOXES])


def _type(scene: Scene, text: str, held: Held) -> bool:
    driver, element = scene.screen.driver, held.element
    if held.control.type == "select":
        return _option(scene, text, held)
    if held.control.type in SET_BY_VALUE:
        driver.execute_script(SET_VALUE, element, text)
    elif held.control.type == "file":
        element.send_keys(text)
        return True
    else:
        if driver.execute_script(SELECT_ALL, element, text):
            return True
        _keys(scene, held, text)
    return _same(str(driver.execute_script(READ_VALUE, element) or ""), text)


def _keys(scene: Scene, held: Held, text: str) -> None:
    if not text:
        held.element.send_keys("\ue017")  # Delete, WebDriver section 17.4.2
    elif all(ord(character) <= LARGEST_TYPED for character in text):
        held.element.send_keys(text)
    else:
        capture = scene.screen.capture
        capture.cdp.call("Input.insertText", capture.await_tab(scene.screen.target), text=text)


def _same(shown: str, typed: str) -> bool:
    """Compare what a field holds with what was typed; a field may group digits or change case."""
    if shown == typed:
        return True
    bare = re.sub(r"[\W_]", "", typed).casefold()
    return bool(bare) and re.sub(r"[\W_]", "", shown).casefold() == bare


def _keep_filled(scene: Scene) -> None:
    """Before a page is left, see that its fields still hold what was typed: it may have drawn its form anew."""
    if not scene.filled:
        return
    fields = scene.look().of(FIELD)
    for label, text in scene.filled.items():
        if label.startswith(CSS) or _typed_into(label)(fields):
            scene.use(label, (FIELD,), partial(_type, scene, text), among=_typed_into(label))
    scene.filled.clear()


def choose(scene: Scene, value: Any) -> None:
    """`choose: {label: option, …}`: a select, a group of radio buttons or a list; option by text or value."""
    for label, option in _pairs(value):
        among = _chooser(label, option)
        try:
            scene.use(label, (FIELD,), partial(_option, scene, option), among=among)
        except BrowseError as error:
            found = among(scene.snapshot.of(FIELD))
            if error.code != "control-stuck" or len(found) != 1:
                raise
            names = [text for text, _, enabled in found[0].options if enabled]
            names = names or [control.name for control in scene.snapshot.of(OPTION)]
            title = f"'{label}' has no option '{option}'; options here: {quoted(names)}"
            raise scene.error("option-missing", title, label=did_you_mean(option, names)) from None


def _chooser(label: str, option: str) -> Callable[[tuple[Control, ...]], tuple[Control, ...]]:
    def among(controls: tuple[Control, ...]) -> tuple[Control, ...]:
        radios = [c for c in controls if c.type == "radio" and plain(c.group) == plain(label)]
        return find(option, radios) or find(label, [c for c in controls if c.type not in {*BOXES, "password"}])

    return among


def _option(scene: Scene, wanted: str, held: Held) -> bool:
    if held.control.type == "radio":
        return _switch(scene, True, held)
    if held.control.type == "select":
        return _select(scene, held, wanted)
    options = find(wanted, scene.look().of(OPTION))
    if not options:
        held.element.click()
        options = find(wanted, scene.look().of(OPTION))
    if len(options) != 1:
        return False
    with scene.screen.hold(options[0]) as option:
        option.handle.click()
    return True


def _select(scene: Scene, held: Held, wanted: str) -> bool:
    number = option_index(held.control.options, wanted)
    if number is None:
        return False
    element = held.element
    options = element.find_elements("tag name", "option")
    if not options[number].is_selected():
        options[number].click()
    chosen = scene.screen.driver.execute_script("return arguments[0].selectedIndex", element)
    return element.get_attribute("multiple") is not None or chosen == number


def option_index(options: Sequence[tuple[str, str, bool]], wanted: str) -> int | None:
    """Return which option is meant: by its text, its value, then as part of exactly one text."""
    usable = [(number, text, value) for number, (text, value, enabled) in enumerate(options) if enabled]
    for matching in (
        [number for number, text, _ in usable if text == wanted],
        [number for number, _, value in usable if value == wanted],
        [number for number, text, _ in usable if plain(text) == plain(wanted)],
        [number for number, text, _ in usable if plain(wanted) and plain(wanted) in plain(text)],
    ):
        if len(matching) == 1:
            return matching[0]
    return None


def tick(scene: Scene, value: Any) -> None:
    """`tick: label` or a list: switch boxes on."""
    _box(scene, value, on=True)


def untick(scene: Scene, value: Any) -> None:
    """`untick: label` or a list: switch boxes off."""
    _box(scene, value, on=False)


def _box(scene: Scene, value: Any, *, on: bool) -> None:
    for label in words_of(value):
        scene.use(label, (FIELD,), partial(_switch, scene, on), among=partial(_boxes, label))


def _boxes(label: str, controls: tuple[Control, ...]) -> tuple[Control, ...]:
    return find(label, [control for control in controls if control.type in BOXES])


def _switch(scene: Scene, on: bool, held: Held) -> bool:
    """Click when it is not as wanted; done only when a second look says so."""
    if held.control.on == on:
        return True
    held.handle.click()
    checked = scene.screen.driver.execute_script(
        "const e = arguments[0]; return e.checked === true || e.getAttribute('aria-checked') === 'true'", held.element
    )
    return bool(checked) == on


def press(scene: Scene, value: Any) -> None:
    """`press: text`: click a button or a link, by what it is called."""
    _keep_filled(scene)
    for label in words_of(value):
        scene.use(label, PRESSED, _click)


def _click(held: Held) -> bool:
    held.handle.click()
    return True


def see(scene: Scene, value: Any) -> None:
    """`see: text`, a list, or `{permissions: [code, …], as: {code: words}}`: all of it must be visible."""
    wanted = expected_words(value)
    if not scene.wait_until(lambda page: not _unseen(wanted, page)):
        missing = quoted(_unseen(wanted, scene.snapshot))
        raise scene.error("not-seen", f"the page does not show {missing}")


def _unseen(wanted: Sequence[str], page: Snapshot) -> list[str]:
    captions = "\n".join(control.name for control in page.of(BUTTON, LINK, FIELD))
    return [words for words in wanted if not shows_text(words, f"{page.text}\n{captions}")]


def expected_words(value: Any) -> list[str]:
    """Return the texts that `see` asks for; codes are put into the words that `as` has for them."""
    if not isinstance(value, Mapping):
        return list(words_of(value))
    words = value.get("as") or {}
    return [
        text
        for name, codes in value.items()
        if name != "as"
        for code in words_of(codes)
        for text in words_of(words.get(code, code))
    ]


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


def key(scene: Scene, value: Any) -> None:
    """`key: Enter`, or several joined by `+` (`Shift+Tab`): press keys where the cursor is."""
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - loaded with the browser

    names = str(value).split("+") if len(str(value)) > 1 else [str(value)]
    codes = [getattr(Keys, name.strip().upper().replace(" ", "_"), name.strip()) for name in names]
    if any(len(code) > 1 for code in codes):
        raise scene.error(
            "unknown-key", f"no key is called '{value}'", hint="for example Enter, Tab, Escape, Space, Down"
        )
    _keep_filled(scene)
    scene.again(lambda: scene.screen.driver.switch_to.active_element.send_keys("".join(codes)))


def reload(scene: Scene, _value: Any) -> None:
    """`reload: true`: load the page anew."""
    scene.again(scene.screen.driver.refresh)


def back(scene: Scene, _value: Any) -> None:
    """`back: true`: go back to the page before."""
    scene.again(scene.screen.driver.back)


ACTIONS: Mapping[str, Callable[[Scene, Any], None]] = {
    "fill": fill,
    "choose": choose,
    "tick": tick,
    "untick": untick,
    "press": press,
    "see": see,
    "not_see": not_see,
    "wait": wait,
    "key": key,
    "reload": reload,
    "back": back,
}


def perform(scene: Scene, action: Mapping[str, Any]) -> None:
    """Do one action, a mapping with one key; `not-built` for a word of the grammar that comes later."""
    for name, value in action.items():
        deed = ACTIONS.get(name)
        if deed is None:
            raise StepError(
                "not-built",
                f"the page action '{name}' is part of the language, but this version cannot do it yet",
                field=scene.where,
                hint=f"it can do: {', '.join(ACTIONS)}",
            )
        deed(scene, value)


def _pairs(value: Mapping[Any, Any]) -> list[tuple[str, str]]:
    return [(str(label), "" if text is None else str(text)) for label, text in value.items()]
