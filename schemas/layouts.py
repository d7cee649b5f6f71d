"""The layouts of a user as the page keeps them: read as far as anybody but the page has to, and the rest carried along as it is.

What is a `Raw` here is never built, so that neither its depth nor its kind matters to whoever copies it.
"""

from typing import Annotated, Literal

from msgspec import Meta, Raw

from schemas.wire import DecodeError, Wire, encode_json, json_decoder


MOST_BYTES = 256 * 1024
"""Of a request of the page that writes them."""
MOST_DESK_BYTES = MOST_BYTES - 64
"""Of the layouts in it: around them are the names of fields, and a revision."""


class Layout(Wire, frozen=True):
    """One of them, as far as it is read."""

    name: Annotated[str, Meta(min_length=1)]
    widgets: list[Raw]


class Desk(Wire, frozen=True):
    """All of a user, in the page's order."""

    layouts: tuple[Layout, ...]
    raw_layouts: tuple[Raw, ...]
    """The same, whole."""
    raw_fields: dict[str, Raw]
    """Everything of the document, by field."""


class _Known(Wire, frozen=True):
    version: Literal[1]
    layouts: tuple[Raw, ...]


_known = json_decoder(_Known).decode
_layout = json_decoder(Layout).decode
_fields = json_decoder(dict[str, Raw]).decode


def parse_desk(document: bytes) -> Desk:
    """What a document holds.

    Raises:
        DecodeError: it is none that the page has written.
    """
    raw = _known(document).layouts
    layouts = tuple(_layout(each) for each in raw)
    if not layouts:
        raise DecodeError("a document must hold a layout, was empty")
    return Desk(layouts, raw, _fields(document))


def find_layout(desk: Desk, name: str) -> Raw | None:
    """The layout of a name, whole; None if there is none."""
    found = zip(desk.layouts, desk.raw_layouts, strict=True)
    return next((raw for layout, raw in found if layout.name == name), None)


def with_layout(desk: Desk | None, layout: Raw) -> tuple[str, bytes]:
    """The name that *layout* gets, which is free, and the document with it at its end. None: there was no document.

    Raises:
        DecodeError: *layout* is none.
    """
    name = _free_name(_layout(layout).name, set() if desk is None else _names(desk))
    named = Raw(encode_json({**_fields(layout), "name": name}))
    if desk is None:
        first = {"version": 1, "layouts": [named], "active": name, "usual": name, "locked": False}
        return name, encode_json(first)
    return name, encode_json({**desk.raw_fields, "layouts": [*desk.raw_layouts, named]})


def _names(desk: Desk) -> set[str]:
    return {layout.name for layout in desk.layouts}


def _free_name(name: str, taken: set[str]) -> str:
    """As the page counts: `Morning`, `Morning 2`, `Morning 3`."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free
