"""What tests of the widget service share: boards made of little, and an independent client of the protocol."""

from typing import Any

import msgspec

from schemas.leaderboard import Board, RankedRow
from schemas.wire import encode_json


Ranked = tuple[str, float, float | None]
"""Symbol, score, last price."""


def board(
    *rows: Ranked, name: str = "gainers", seq: int = 1, asof_ms: int = 1_767_623_465_000
) -> Board:
    """A board of *rows*, best first."""
    ranked = [
        RankedRow(
            rank=rank, symbol=symbol, score=score, last_usd=last_usd, open_usd=10.0,
            previous_close_usd=None, change_usd=None, change_pct=None, change_open_usd=None,
            change_open_pct=score, volume_shares=1000.0, vwap_usd=None, session="regular",
            event_ms=asof_ms,
        )
        for rank, (symbol, score, last_usd) in enumerate(rows, start=1)
    ]  # fmt: skip
    return Board(name, "2026-01-05", "regular", asof_ms, seq, ranked)


def encoded(*rows: Ranked, name: str = "gainers", seq: int = 1) -> bytes:
    """A board as KV holds it."""
    return encode_json(board(*rows, name=name, seq=seq))


class ModelClient:
    """The protocol as its documentation says, and nothing else: state is what frames made of it."""

    def __init__(self) -> None:
        self.hello: dict[str, Any] = {}
        self.feeds: list[str] = []
        self.errors: list[dict[str, Any]] = []
        self.kinds: list[str] = []
        self.boards: dict[int, dict[str, Any]] = {}

    def take(self, text: str) -> dict[str, Any]:
        """Apply one frame and return it."""
        frame: dict[str, Any] = msgspec.json.decode(text)
        self.kinds.append(frame["type"])
        match frame["type"]:
            case "hello":
                self.hello, self.feeds = frame, frame["feeds"]
            case "feeds":
                self.feeds = frame["feeds"]
            case "error":
                self.errors.append(frame)
            case "snap":
                self.boards[frame["id"]] = {**frame, "rows": {row[0]: row for row in frame["rows"]}}
            case "delta":
                self._delta(frame)
            case other:
                raise AssertionError(f"no such frame: {other!r}")
        return frame

    def _delta(self, frame: dict[str, Any]) -> None:
        held = self.boards[frame["id"]]
        assert frame["seq"] == held["seq"] + 1, "a delta was lost"
        rows = held["rows"]
        for symbol, cells in frame["cells"].items():
            row = rows.setdefault(symbol, [None] * len(held["columns"]))
            for column, value in cells.items():
                row[int(column)] = value
        if frame["order"] is not None:
            held["rows"] = {symbol: rows[symbol] for symbol in frame["order"]}
        held |= {key: frame[key] for key in ("seq", "head", "received_ms")}

    def rows(self, subscription: int) -> list[dict[str, Any]]:
        """The rows of a subscription as objects, best first."""
        held = self.boards[subscription]
        return [dict(zip(held["columns"], row, strict=True)) for row in held["rows"].values()]


def rows_of(value: Board) -> list[dict[str, Any]]:
    """The same for a board, without ranks: what a client must have."""
    rows: list[dict[str, Any]] = msgspec.to_builtins(value.rows)
    return [{key: cell for key, cell in row.items() if key != "rank"} for row in rows]
