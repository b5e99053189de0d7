"""What a page shows at one moment: headings, fields, buttons, text. Plain values; finder.js reads them."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENT_ERROR = 400  # from here on a status says that the document is an error
FIELD, BUTTON, LINK, OPTION, HEADING = "field", "button", "link", "option", "heading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Something to read or to use.

    `names` are pairs of a text and how it was found, best first: `label`, `aria`, `text`, `value`, `placeholder`,
    `title`, `nearby`, `name`. `type` is the HTML type of a field (`text`, `password`, `select`, `checkbox`, `radio`,
    …). `frame` is the way to it through iframes, `index` its place among the controls of that frame. `shy` is what
    pages use for decoys: out of the tab order or hidden from assistive technology. `group` names a radio button's
    group, `under` the heading it stands under, `options` are text, value and whether it can be chosen.
    """

    kind: str
    names: tuple[tuple[str, str], ...]
    type: str = ""
    enabled: bool = True
    shy: bool = False
    on: bool = False
    group: str = ""
    under: str = ""
    options: tuple[tuple[str, str, bool], ...] = ()
    frame: tuple[int, ...] = ()
    index: int = 0

    @property
    def name(self) -> str:
        """Return the name a person would call it by."""
        return self.names[0][0] if self.names else ""

    def same_as(self, other: Control) -> bool:
        """Tell whether it is the same thing, as far as a person could tell."""
        return (self.kind, self.names, self.type, self.group) == (other.kind, other.names, other.type, other.group)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list on a page: the heading or label it stands under, and what its items say. Boxes to tick are one too."""

    name: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A page at one moment.

    `document` changes with every document that is loaded; `ready` is its readyState; `status` is the HTTP status it
    came with, None when that was not seen. `still` says that nothing on it can change by itself: no script, no refresh;
    `leaves` that it goes to another page by itself.
    `text` is what can be read, line by line, and at its end what dialogs (alert, confirm) have said.
    """

    url: str
    title: str = ""
    ready: str = "complete"
    document: float = 0.0
    type: str = "text/html"
    still: bool = True
    leaves: bool = False
    status: int | None = None
    text: str = ""
    controls: tuple[Control, ...] = field(default=())

    def of(self, *kinds: str) -> tuple[Control, ...]:
        """Return the controls of these kinds, in page order."""
        return tuple(control for control in self.controls if control.kind in kinds)

    @property
    def heading(self) -> str:
        """Return the first heading."""
        return next((control.name for control in self.of(HEADING)), "")

    @property
    def content(self) -> tuple[object, ...]:
        """Return what makes it look the same: two snapshots with equal content look alike."""
        return (self.text, self.form)

    @property
    def form(self) -> tuple[Control, ...]:
        """Return its headings, fields and buttons without their state: equal when it comes back with other words."""
        return tuple(replace(control, index=0, on=False) for control in self.controls)


def read_control(data: Mapping[str, Any], frame: tuple[int, ...] = ()) -> Control:
    """Build a control from what finder.js gives."""
    return Control(
        kind=data["kind"],
        names=tuple((text, how) for text, how in data["names"]),
        type=data["type"],
        enabled=data["enabled"],
        shy=data["shy"],
        on=data["on"],
        group=data["group"],
        under=data.get("under", ""),
        options=tuple((text, value, enabled) for text, value, enabled in data["options"]),
        frame=frame,
        index=data["index"],
    )


def read_listing(data: Mapping[str, Any]) -> Listing:
    """Build a list from what finder.js gives."""
    return Listing(data["name"], tuple(data["items"]))


def read_snapshot(data: Mapping[str, Any]) -> Snapshot:
    """Build a snapshot from what finder.js gives for one document."""
    return Snapshot(
        url=data["url"],
        title=data["title"],
        ready=data["ready"],
        document=data["document"],
        type=data["type"],
        still=data["still"],
        leaves=data["leaves"],
        text=data["text"],
        controls=tuple(read_control(control) for control in data["controls"]),
    )


def with_frame(outer: Snapshot, inner: Snapshot, frame: tuple[int, ...]) -> Snapshot:
    """Add what an iframe shows to the page that holds it."""
    controls = tuple(replace(control, frame=(*frame, *control.frame)) for control in inner.controls)
    return replace(
        outer,
        text="\n".join(part for part in (outer.text, inner.text) if part),
        still=outer.still and inner.still,
        controls=(*outer.controls, *controls),
    )
