"""An HTML page without scripts, as a person reads it: its controls, its lists, and what its forms send."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from flowrun.browser.finder import tidy
from flowrun.browser.snapshot import BUTTON, FIELD, HEADING, LINK, Control, Listing

if TYPE_CHECKING:
    from collections.abc import Iterator

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
UNSEEN = frozenset({"head", "script", "style", "template", "noscript", "svg", "textarea", "title"})
INLINE = frozenset({"a", "b", "code", "em", "i", "label", "small", "span", "strong", "time", "button", "u"})
PRESSING = frozenset({"submit", "button", "image", "reset"})
LISTS = frozenset({"ul", "ol", "dl", "table"})
ITEMS = frozenset({"li", "dt", "tr"})


@dataclass(eq=False)
class Element:
    """One element; `value` and `on` are what a field holds. It is used as selenium's WebElement is."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)
    value: str = ""
    on: bool = False

    def __iter__(self) -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    @property
    def type(self) -> str:
        if self.tag in {"select", "textarea"}:
            return self.tag
        return self.get("type", "submit" if self.tag == "button" else "text").lower()

    @property
    def kind(self) -> str:
        if self.tag == "button" or (self.tag == "input" and self.type in PRESSING):
            return BUTTON
        if self.tag in {"input", "select", "textarea"}:
            return FIELD if self.type != "hidden" else ""
        if self.tag == "a" and "href" in self.attributes:
            return LINK
        return HEADING if self.tag in {"h1", "h2", "h3", "h4", "h5", "h6", "legend"} else ""

    @property
    def enabled(self) -> bool:
        return "disabled" not in self.attributes

    @property
    def lines(self) -> list[str]:
        """What can be read in it, a line a block."""
        out = [""]
        self._read(out)
        return [line for line in map(tidy, out) if line]

    def _read(self, out: list[str]) -> None:
        for child in self.children:
            if isinstance(child, str):
                out[-1] += child.replace("\n", " ")
            elif child.tag == "br":
                out.append("")
            elif child.tag not in UNSEEN and "hidden" not in child.attributes:
                if child.tag not in INLINE:
                    out.append("")
                child._read(out)
                if child.tag not in INLINE:
                    out.append("")

    @property
    def words(self) -> str:
        return " ".join(self.lines)

    def above(self, tag: str) -> Element | None:
        at = self.parent
        while at is not None and at.tag != tag:
            at = at.parent
        return at

    @property
    def options(self) -> list[Element]:
        return [one for one in self if one.tag == "option"]

    # What the actions ask of an element of selenium.

    def send_keys(self, text: str) -> None:
        self.value = "" if text == "\ue017" else text

    def find_elements(self, _by: str, tag: str) -> list[Element]:
        return [one for one in self if one.tag == tag]

    def get_attribute(self, name: str) -> str | None:
        return self.attributes.get(name)

    def is_selected(self) -> bool:
        return self.on

    def click(self) -> None:
        """Choose an option."""
        select = self.above("select")
        assert select is not None
        for option in select.options:
            option.on = option is self


class Page(HTMLParser):
    """A document and what it came with."""

    def __init__(self, url: str, text: str, *, status: int, kind: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url, self.status, self.kind = url, status, kind
        self.root = self._at = Element("html", {})
        if "html" in kind:
            self.feed(text)
            self.close()
        else:
            self.root.children.append(text)
        self.every = list(self.root)
        for one in self.every:
            one.value, one.on = one.get("value"), bool({"checked", "selected"} & one.attributes.keys())
        for one in self.every:
            if one.tag == "select" and one.options and not any(option.on for option in one.options):
                one.options[0].on = True
        self.usable = [one for one in self.every if one.kind]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._at)
        self._at.children.append(element)
        if tag not in VOID:
            self._at = element

    def handle_endtag(self, tag: str) -> None:
        at: Element | None = self._at
        while at is not None and at.tag != tag:
            at = at.parent
        if at is not None and at.parent is not None:
            self._at = at.parent

    def handle_data(self, data: str) -> None:
        self._at.children.append(data)

    @property
    def title(self) -> str:
        return next((tidy("".join(map(str, one.children))) for one in self.every if one.tag == "title"), "")

    @property
    def sends_itself(self) -> Element | None:
        """The form that the page's script sends at once, as that of form_post does."""
        scripts = "".join(str(child) for one in self.every if one.tag == "script" for child in one.children)
        forms = [one for one in self.every if one.tag == "form"]
        return forms[0] if forms and "forms[0].submit()" in scripts else None

    def controls(self) -> tuple[Control, ...]:
        """Its headings, fields and buttons."""
        found, under = [], ""
        for index, one in enumerate(self.usable):
            names = self._names(one)
            options = tuple((tidy(o.words), o.get("value", o.words), o.enabled) for o in one.options)
            found.append(
                Control(
                    kind=one.kind,
                    names=names,
                    type=one.type if one.kind in {FIELD, BUTTON} else "",
                    enabled=one.enabled,
                    on=one.on,
                    options=options,
                    under=under,
                    index=index,
                )
            )
            under = names[0][0] if one.kind == HEADING and names else under
        return tuple(found)

    def _names(self, one: Element) -> tuple[tuple[str, str], ...]:
        names: list[tuple[str, str]] = []
        if one.kind == FIELD:
            names += [(label.words, "label") for label in self._labels(one)]
        else:
            names += [(one.get("value"), "value") if one.tag == "input" else (one.words, "text")]
        names += [(one.get("aria-label"), "aria"), (one.get("placeholder"), "placeholder"), (one.get("title"), "title")]
        names += [(one.get("name"), "name")] if one.kind == FIELD else []
        return tuple((words, how) for words, how in names if words)

    def _labels(self, one: Element) -> list[Element]:
        around = one.above("label")
        own = [label for label in self.every if label.tag == "label" and label.get("for", " ") == one.get("id")]
        return own + ([around] if around is not None else [])

    def listings(self) -> tuple[Listing, ...]:
        """Its lists, each with the words before it."""
        found, before = [], ""
        for one in self.every:
            if one.tag in LISTS:
                items = tuple(item.words for item in one if item.tag in ITEMS and item.words)
                found += [Listing(one.get("aria-label") or before, items)] if items else []
            elif one.words and not any(up in LISTS for up in _tags_above(one)):
                before = one.words
        return tuple(found)


def _tags_above(one: Element) -> Iterator[str]:
    at = one.parent
    while at is not None:
        yield at.tag
        at = at.parent


def successful(form: Element, pressed: Element | None) -> list[tuple[str, str]]:
    """The pairs that a form sends when this button was pressed."""
    pairs: list[tuple[str, str]] = []
    for one in form:
        name = one.get("name")
        if not name or not one.enabled or (one.kind == BUTTON and one is not pressed):
            continue
        if one.tag == "select":
            pairs += [(name, option.get("value", option.words)) for option in one.options if option.on]
        elif one.type in {"checkbox", "radio"}:
            pairs += [(name, one.get("value", "on"))] if one.on else []
        elif one.tag in {"input", "button", "textarea"}:
            pairs.append((name, one.value))
    return pairs
