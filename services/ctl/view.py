"""What `mesh ctl` prints: values in, lines out."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from mesh.control import Kept
from mesh.roll_call import Instance
from schemas.audit import Record
from schemas.control import Wanted


_FEEDS = ("massive", "finlight")
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_UNSAID = ("by", "at_ms")


def status(instances: Sequence[Instance], kept: Sequence[Kept], now_ms: float) -> Iterator[str]:
    """The state of the whole."""
    yield from table(("feed", "state", "", "wanted"), _feeds(instances, kept, now_ms))
    yield ""
    if not instances:
        yield "no program answers: start `mesh up`, or `mesh run NAME` with this MESH_NATS_URL"
    else:
        rows = (_program(each, now_ms) for each in instances)
        yield from table(("program", "instance", "version", "ready", "up", "does"), rows)
    others = [each for each in kept if not each.key.startswith("feed.") and _said(each.value)]
    if others:
        yield ""
        yield from table(("wanted", "", "by"), (_wanted(each, now_ms) for each in others))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they must be."""
    cells = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def feed_states(instances: Iterable[Instance], name: str) -> list[dict[str, Any]]:
    """What the programs that may hold a feed say of it."""
    program = "listener" if name == "massive" else "news"
    return [
        each.state["feed"] for each in instances if each.program == program and "feed" in each.state
    ]


def _feeds(
    instances: Sequence[Instance], kept: Sequence[Kept], now_ms: float
) -> Iterator[Sequence[str]]:
    wanted = {each.key: each for each in kept}
    for name in _FEEDS:
        states = feed_states(instances, name)
        state = next(
            (each for each in states if each.get("connected")), states[0] if states else None
        )
        want = wanted.get(f"feed.{name}")
        yield name, _feed_state(state), _feed_facts(state, now_ms), _wish(want, now_ms)


def _feed_state(state: dict[str, Any] | None) -> str:
    if state is None:
        return "no program"
    if not state.get("configured", True):
        return "no key"
    if not state["running"]:
        return "stopped"
    return "connected" if state["connected"] else "connecting"


def _feed_facts(state: dict[str, Any] | None, now_ms: float) -> str:
    if state is None or "host" not in state:
        return ""
    said = [str(state["host"]), ",".join(state["confirmed"])]
    if state["last_frame_ms"]:
        said.append(f"last frame {ago(state['last_frame_ms'], now_ms)}")
    if state["lost"] and state["running"]:
        said.append(str(state["lost"])[:60])
    return " · ".join(filter(None, said))


def _wish(kept: Kept | None, now_ms: float) -> str:
    if kept is None:
        return "as the settings say"
    return f"{_said(kept.value) or 'as the settings say'} · {_signed(kept.value, now_ms)} · revision {kept.revision}"


def _program(each: Instance, now_ms: float) -> Sequence[str]:
    started_ms = datetime.fromisoformat(each.started).timestamp() * 1000
    ready = "yes" if each.ready else "; ".join(f"{k} {v}" for k, v in each.reasons.items())
    does = ", ".join(
        f"{name} {_plain(value)}" for name, value in each.state.items() if name != "feed"
    )
    return each.program, each.instance, each.version, ready, _lasting(started_ms, now_ms), does


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"{len(value)}" if len(value) > 3 else " ".join(map(str, value)) or "none"  # noqa: PLR2004 (short lists are shown)
    return str(value)


def _wanted(kept: Kept, now_ms: float) -> Sequence[str]:
    return kept.key, _said(kept.value), _signed(kept.value, now_ms)


def _signed(value: Wanted, now_ms: float) -> str:
    return f"{value.by or 'nobody'}, {ago(value.at_ms, now_ms)}"


def _said(value: Wanted) -> str:
    """What of *value* is not as the settings say."""
    usual = type(value)()
    return ", ".join(
        _named(name, said)
        for name, said in msgspec.structs.asdict(value).items()
        if name not in _UNSAID and said != getattr(usual, name)
    )


def _named(name: str, value: Any) -> str:
    if name == "running":
        return "stopped"
    return name if value is True else f"{name} {value}"


def record_line(record: Record) -> str:
    """A record of the audit: when, who, what, and what came of it."""
    at = datetime.fromtimestamp(record.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    changed = "" if record.outcome != "done" else _difference(record.before, record.after)
    what = f"{record.action} {record.target}".strip()
    return f"{at}  {record.who or '–':16}  {what:32}  {record.outcome}{changed}"


def _difference(before: Any, after: Any) -> str:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    changed = [
        f"{name} {_plain(before.get(name))} → {_plain(value)}"
        for name, value in after.items()
        if name not in _UNSAID and before.get(name) != value
    ]
    return f" · {', '.join(changed)}" if changed else " · was so already"


def ago(at_ms: float, now_ms: float) -> str:
    """How long since, for people."""
    return f"{_lasting(at_ms, now_ms)} ago"


def _lasting(at_ms: float, now_ms: float) -> str:
    seconds = max(0.0, (now_ms - at_ms) / 1000)
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < _DAY_S:
        return f"{seconds / _HOUR_S:.0f} h"
    return f"{seconds / _DAY_S:.0f} d"
