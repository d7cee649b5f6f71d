"""Versions of somebody's layouts, as people choose among them."""

from collections.abc import Sequence

from mesh.kv import Version
from schemas.layouts import parse_desk
from schemas.wire import DecodeError, Wire


class Contents(Wire, frozen=True):
    """A layout in a version."""

    name: str
    widgets: int
    """How many."""


class LayoutVersion(Wire, frozen=True):
    """What the layouts were at a time."""

    revision: int
    at_ms: int
    bytes: int
    layouts: list[Contents]
    """Empty: it is nothing that the page has written, and cannot be restored."""


class History(Wire, frozen=True):
    """All that are kept, newest first."""

    revision: int
    """The newest; 0: there is none."""
    versions: list[LayoutVersion]


def newest(found: Sequence[Version]) -> int:
    """The newest revision of *found*, which begins with it; 0 if there is none."""
    return found[0].revision if found else 0


def version_of(found: Version) -> LayoutVersion:
    """What people see of *found*."""
    document = found.value or b""
    try:
        layouts = [Contents(each.name, len(each.widgets)) for each in parse_desk(document).layouts]
    except DecodeError:
        layouts = []
    return LayoutVersion(found.revision, found.at_ms, len(document), layouts)
