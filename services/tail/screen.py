"""What `mesh tail` shows in a terminal: a table that stays in its place, or events one below the other."""

from typing import Any, Self

import msgspec
from msgspec import Raw
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mesh import clock
from mesh.feed_state import TableState
from mesh.follower import Update
from mesh.subscription import Subscription
from mesh.widget_client import WidgetClient
from services.tail.cells import cell, clock_time, heading, is_text, printable


AROUND_LINES = 3
"""Heading, rule and the line below."""
_GAP = 2
_TIMES = ("event_ms", "published_ms", "received_ms")
_TOO_MUCH = frozenset({"id", "trading_day", "kind", "symbol", "title", *_TIMES})
"""Fields of an event that come first, or not at all."""


class Screen:
    """A live table with a line below it; of a sequence only that line stays, and events pass above it."""

    def __init__(self, console: Console, client: WidgetClient, subscription: Subscription) -> None:
        self._console = console
        self._client = client
        self._subscription = subscription
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_update(self, update: Update) -> None:
        """Show what has changed."""
        if not isinstance(update, TableState):
            if update.missed:
                self._console.print(f"… {update.missed} more", style="dim")
            for value in update.values:
                self._console.print(event_line(value), no_wrap=True, overflow="ellipsis", crop=True)
        self.on_tick()

    def on_tick(self) -> None:
        """Show how old it is by now."""
        state = self._subscription.state
        below = status_line(self._client, self._subscription)
        shown: RenderableType = below
        if isinstance(state, TableState) and state.columns:
            width, height = self._console.size
            shown = Group(table_of(state, width, height - AROUND_LINES), below)
        self._live.update(shown, refresh=True)


def table_of(state: TableState, width: int, lines: int) -> Table:
    """As many rows and columns of *state* as there is room for."""
    rows = [state.rows[symbol] for symbol in state.symbols[: max(1, lines)]]
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    shown: list[list[Text]] = []
    for number, column in enumerate(state.columns):
        values = [row[number] for row in rows]
        cells = [cell(column, value) for value in values]
        width -= max(len(heading(column)), *(each.cell_len for each in cells), 0) + _GAP
        if shown and width < -_GAP:  # the last needs no gap
            break
        shown.append(cells)
        side: JustifyMethod = "left" if is_text(column, values) else "right"
        table.add_column(heading(column), justify=side, no_wrap=True)
    for row in zip(*shown, strict=True):
        table.add_row(*row)
    return table


def event_line(value: Raw) -> Text:
    """An event on one line: when, about which symbol, what, and all that is known besides."""
    fields = msgspec.json.decode(value)
    if not isinstance(fields, dict):
        return Text(printable(str(fields)))
    at_ms = next((fields[name] for name in _TIMES if isinstance(fields.get(name), int)), 0)
    parts = [Text(clock_time(at_ms), style="dim")]
    parts += [cell(name, fields[name]) for name in ("symbol", "kind", "title") if fields.get(name)]
    for name, known in fields.items():
        if name not in _TOO_MUCH and _is_plain(known):
            parts.append(Text.assemble((f"{heading(name)} ", "dim"), cell(name, known)))
    return Text("  ").join(parts)


def status_line(client: WidgetClient, subscription: Subscription) -> Text:
    """Which feed, how far and how old it is, and whether it goes on."""
    parts = [Text(printable(subscription.feed), style="bold")]
    state = subscription.state
    if state is not None:
        parts.append(Text(f"seq {state.seq}"))
    if isinstance(state, TableState):
        if state.received_ms:
            age_s = (clock.now_ms() + client.clock_ahead_ms - state.received_ms) / 1000
            parts.append(Text(f"{max(0.0, age_s):.1f} s old"))
        parts.append(Text(f"{len(state.symbols)} of {state.total} rows"))
    if subscription.hz is not None:
        parts.append(Text(f"slowed to {subscription.hz:g} Hz", style="yellow"))
    text, style = status(client)
    line = Text(" · ").join([*parts, Text(text, style=style)])
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def status(client: WidgetClient) -> tuple[str, str]:
    """How it stands with the service, and the style of that."""
    if client.connected:
        return ("stale", "yellow") if client.stale else ("live", "green")
    if client.again_s is None:
        return "connecting", "yellow"
    wait_s = max(0.0, client.again_s - clock.monotonic_s())
    return f"reconnecting in {wait_s:.0f} s ({printable(client.trouble)})", "red"


def _is_plain(value: Any) -> bool:
    return value is not None and not isinstance(value, list | dict)
