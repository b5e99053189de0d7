"""What can be done on a page: one function an action, one row in the table.

Each takes the scene and the action's filled value, waits for what it needs, acts the moment it is there, and raises
BrowseError when its time is over.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from flowrun.browser.conditions import words_of
from flowrun.browser.finder import CSS, PRESSED, find, find_names, plain, quoted
from flowrun.browser.model import BrowseError
from flowrun.browser.reading import not_see, read, see, wait
from flowrun.browser.screen import EMPTIED, HOLDS, NotNowError, Ready
from flowrun.browser.snapshot import BUTTON, FIELD, OPTION
from flowrun.errors import did_you_mean

if TYPE_CHECKING:
    from flowrun.browser.scene import Scene
    from flowrun.browser.screen import Held
    from flowrun.browser.snapshot import Control

SEND_SECONDS = 0.2  # a page that sends a code by itself does so within this
OPEN_SECONDS = 0.5  # a list that was opened shows its options within this, else it wants to be typed into
LARGEST_TYPED = 0xFFFF  # chromedriver types only what one key code unit holds
SET_BY_VALUE = frozenset({"date", "time", "datetime-local", "month", "week", "range", "color"})
READ_VALUE = f"{HOLDS}\nconst [e, text] = arguments;\nreturn holds(e, text)"
SET_VALUE = """const [e, value] = arguments;
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(e, value);
for (const name of ["input", "change"]) e.dispatchEvent(new Event(name, {bubbles: true}));"""
CLICK: Ready = {"click": ()}
CHOSEN = "return arguments[0].selectedIndex"
IS_ON = "const e = arguments[0]; return e.checked === true || e.getAttribute('aria-checked') === 'true'"
TYPED = frozenset({"text", "search"})
BOXES = frozenset({"checkbox", "radio"})


def fill(scene: Scene, value: Any) -> None:
    """`fill: {label: text, …}`: type into fields; real keys, read back, typed again when the page lost it."""
    for label, text in _pairs(value):
        _fill(scene, label, text)
        if label not in scene.gone:
            scene.filled[label] = text


def _fill(scene: Scene, label: str, text: str) -> None:
    scene.use(
        label, (FIELD,), partial(_type, scene, label, text), among=_typed_into(label), ready=lambda *_: {"type": text}
    )


def _typed_into(label: str) -> Callable[[tuple[Control, ...]], tuple[Control, ...]]:
    """Look among the fields that take text; a box of the same name is not meant."""
    return lambda controls: find(label, [control for control in controls if control.type not in BOXES])


def _type(scene: Scene, label: str, text: str, held: Held) -> bool:
    driver, element = scene.screen.driver, held.element
    if held.control.type == "select":
        return _option(scene, text, held)
    if held.control.type in SET_BY_VALUE:
        driver.execute_script(SET_VALUE, element, text)
    elif held.control.type == "file":
        element.send_keys(text)
        return True
    else:
        if held.typed:
            scene.shown[held.control] = text
            return True
        return _typed(scene, label, text, held)
    return _shows(scene, text, held)


def _shows(scene: Scene, text: str, held: Held) -> bool:
    """Tell whether a field holds what was put into it, and remember what it shows then."""
    shown = str(scene.screen.driver.execute_script(READ_VALUE, held.element, text) or "")
    scene.shown[held.control] = shown
    return _same(shown, text)


def _typed(scene: Scene, label: str, text: str, held: Held) -> bool:
    """Type, and see that it is there, or that the page has taken it and gone on: a code is sent but once."""
    before = scene.screen.sent()
    try:
        with scene.screen.patient():
            _keys(scene, held, text)
            if _shows(scene, text, held):
                return True
    except NotNowError:
        if not _took(scene, before, held):
            raise
    else:
        if not _took(scene, before, held):
            return False
    scene.shown.pop(held.control, None)
    if held.row:
        scene.gone.add(label)
    return True


def _took(scene: Scene, before: tuple[int, int], held: Held) -> bool:
    """Tell whether the page went on by itself at the last key: to another document, or from a code it sends data."""
    until = time.monotonic() + (SEND_SECONDS if held.row else 0)
    while True:
        hops, asked = scene.screen.sent()
        if hops > before[0] or (held.row and asked > before[1]):
            return True
        if time.monotonic() >= until:
            return False
        scene.pause()


def _keys(scene: Scene, held: Held, text: str) -> None:
    if not text:
        held.element.send_keys("\ue017")  # Delete, WebDriver section 17.4.2
    elif all(ord(character) <= LARGEST_TYPED for character in text):
        held.element.send_keys(text)
    else:
        scene.screen.capture.insert_text(scene.screen.target, text)


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
            _fill(scene, label, text)
    scene.filled.clear()
    scene.shown.clear()


def _click(_control: Control, _reason: str) -> Ready:
    return CLICK


def choose(scene: Scene, value: Any) -> None:
    """`choose: {label: option, …}`: a select, a group of radio buttons or a list; option by text or value."""
    for label, option in _pairs(value):
        among = _chooser(label, option)
        try:
            scene.use(label, (FIELD, BUTTON), partial(_option, scene, option), among=among, ready=_click)
        except BrowseError as error:
            found = among(scene.snapshot.of(FIELD, BUTTON))
            if error.code != "control-stuck" or len(found) != 1:
                raise
            names = [text for text, _, enabled in found[0].options if enabled]
            names = names or [control.name for control in scene.snapshot.of(OPTION)]
            title = f"'{label}' has no option '{option}'; options here: {quoted(names)}"
            raise scene.error("option-missing", title, label=did_you_mean(option, names)) from None


def _chooser(label: str, option: str) -> Callable[[tuple[Control, ...]], tuple[Control, ...]]:
    def among(controls: tuple[Control, ...]) -> tuple[Control, ...]:
        radios = [c for c in controls if c.type == "radio" and plain(c.group) == plain(label)]
        fields = [c for c in controls if c.kind == FIELD and c.type not in {*BOXES, "password"}]
        return find(option, radios) or find(label, fields) or find(label, [c for c in controls if c.kind == BUTTON])

    return among


def _option(scene: Scene, wanted: str, held: Held) -> bool:
    if held.control.type == "radio":
        return _switch(scene, True, held)
    if held.control.type == "select":
        return _select(scene, held, wanted)
    if not scene.look().of(OPTION):
        scene.screen.click(held)
    if not _offered(scene, wanted) and held.control.type in TYPED:
        _keys(scene, held, wanted)  # some offer nothing before one begins to type
    options = _offered(scene, wanted)
    if len(options) != 1:
        return False
    with scene.screen.hold(options[0], CLICK) as option:
        scene.screen.click(option)
    return True


def _offered(scene: Scene, wanted: str) -> tuple[Control, ...]:
    """Return the options that are meant, once there are some; a list may have to be fetched."""
    until = min(time.monotonic() + OPEN_SECONDS, scene.until)
    while not find(wanted, scene.look().of(OPTION)) and time.monotonic() < until:
        scene.pause()
    return find(wanted, scene.snapshot.of(OPTION))


def _select(scene: Scene, held: Held, wanted: str) -> bool:
    number = option_index(held.control.options, wanted)
    if number is None:
        return False
    element = held.element
    options = element.find_elements("tag name", "option")
    if not options[number].is_selected():
        options[number].click()
    chosen = scene.screen.driver.execute_script(CHOSEN, element)
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
        scene.use(label, (FIELD,), partial(_switch, scene, on), among=partial(_boxes, label), ready=_click)


def _boxes(label: str, controls: tuple[Control, ...]) -> tuple[Control, ...]:
    return find(label, [control for control in controls if control.type in BOXES])


def _switch(scene: Scene, on: bool, held: Held) -> bool:
    """Click when it is not as wanted; done only when a second look says so."""
    if held.control.on == on:
        return True
    scene.screen.click(held)
    return bool(scene.screen.driver.execute_script(IS_ON, held.element)) == on


def press(scene: Scene, value: Any) -> None:
    """`press: text`: click a button or a link, by what it is called."""
    for label in words_of(value):
        scene.use(label, PRESSED, partial(_press, scene), ready=partial(_before_press, scene))


def _before_press(scene: Scene, button: Control, reason: str) -> Ready:
    """Have the fields looked at with the button itself; only where that can't be done, or says no, one by one."""
    shown = [(field.index, text) for field, text in scene.shown.items() if field.frame == button.frame]
    if reason == EMPTIED or len(shown) != len(scene.filled):
        _keep_filled(scene)
        return CLICK
    return {"click": shown}


def _press(scene: Scene, held: Held) -> bool:
    scene.screen.press(held)
    scene.filled.clear()
    scene.shown.clear()
    return True


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
    scene.again(scene.screen.reload)


def back(scene: Scene, _value: Any) -> None:
    """`back: true`: go back to the page before."""
    scene.again(scene.screen.driver.back)


def window(scene: Scene, value: Any) -> None:
    """`window: title` or `window: first`: go on in another window or tab. A new one is followed by itself."""
    titles: list[str] = []

    def chosen() -> bool:
        scene.again(lambda: titles.__setitem__(slice(None), scene.screen.choose_window(str(value))))
        return not titles

    if not scene.wait_until(lambda _page: chosen()):
        word = (
            "several windows have"
            if len(find_names(str(value), dict(zip(titles, titles, strict=True))))
            else "no window has"
        )
        title = f"{word} the title '{value}'; windows here: {quoted(titles)}"
        raise scene.error("window-missing", title, label=did_you_mean(str(value), titles))
    scene.filled.clear()


ACTIONS: Mapping[str, Callable[[Scene, Any], None]] = {
    "fill": fill,
    "choose": choose,
    "tick": tick,
    "untick": untick,
    "press": press,
    "see": see,
    "not_see": not_see,
    "wait": wait,
    "read": read,
    "key": key,
    "reload": reload,
    "back": back,
    "window": window,
}


def perform(scene: Scene, action: Mapping[str, Any]) -> None:
    """Do one action, a mapping with one key."""
    for name, value in action.items():
        ACTIONS[name](scene, value)


def _pairs(value: Mapping[Any, Any]) -> list[tuple[str, str]]:
    return [(str(label), "" if text is None else str(text)) for label, text in value.items()]
