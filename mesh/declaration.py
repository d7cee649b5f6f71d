"""What is declared about one setting: its purpose, its limits, and how its value may be shown."""

import math
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, NamedTuple, get_type_hints

import msgspec
from msgspec import Meta

from mesh.address import parse_origins, without_credentials


Check = Callable[[str], object]
"""Raises ValueError with what was expected, if the text is of the right form and still makes no sense."""


def about(
    text: str,
    env: str = "",
    *,
    secret: bool = False,
    url: bool = False,
    check: Check = str,
    **limits: Any,
) -> Meta:
    """What a setting does, for the table.

    Args:
        text: its purpose.
        env: its variable, where that is not `MESH_` and the field's name.
        secret: its value is never shown.
        url: its value is shown without credentials.
        check: what msgspec's limits cannot express.
        **limits: msgspec's (`ge`, `le`, …).
    """
    extra = {"env": env, "secret": secret, "url": url, "check": check}
    return Meta(description=text, extra=extra, **limits)


def about_port(text: str) -> Meta:
    """What a port is for; 0 stands for none that was chosen."""
    return about(text, ge=0, le=65535)


def check_days(text: str) -> None:
    """Refuse what is not a list of dates, in the form in which keys name them."""
    for day in filter(None, map(str.strip, text.split(","))):
        try:
            same = date.fromisoformat(day).isoformat() == day
        except ValueError:
            same = False
        if not same:  # other ISO forms (20260105) would name another key than the one that is read
            raise ValueError(f"Expected dates as 2026-01-05, separated by commas, not {day!r}")


def check_public(text: str) -> None:
    """Refuse what is no address of TLS: cookies that let somebody in must not cross a network in clear."""
    if not text.startswith("https://") or len(parse_origins(text)) != 1:
        raise ValueError(
            "Expected https:// and a host, in lower case, without a path (https://control.example.com)"
        )


def check_speed(text: str) -> None:
    """Refuse what is neither `max` nor a finite number above 0."""
    if text != "max" and not 0 < float(text) < math.inf:
        raise ValueError("Expected a number above 0, or `max`: at 0 time would stand still")


def check_start(text: str) -> None:
    """Refuse a date and time of the right form that no calendar has."""
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"Expected a date and time that exist ({error})") from error


class Setting(NamedTuple):
    """One row of the settings table."""

    env: str
    field: str
    kind: Any
    """The annotated type, limits included."""
    text: str
    secret: bool
    url: bool
    check: Check

    def shown(self, settings: object) -> Any:
        """Its value in *settings* as anybody may see it: a secret masked, a URL without credentials."""
        value = getattr(settings, self.field)
        if self.secret:
            return "(set)" if value else ""
        return without_credentials(value) if self.url else value


def declared(struct: type[msgspec.Struct]) -> Iterator[Setting]:
    """The settings that *struct* declares, in its order."""
    for field, kind in get_type_hints(struct, include_extras=True).items():
        meta: Meta = kind.__metadata__[0]
        extra = meta.extra or {}
        env = extra["env"] or f"MESH_{field.upper()}"
        yield Setting(
            env, field, kind, meta.description or "",
            extra["secret"], extra["url"], extra["check"],
        )  # fmt: skip
