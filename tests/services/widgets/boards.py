"""What tests of the widget service share: boards made of little, and a client that knows the protocol alone."""

from typing import Any

import msgspec

from mesh.feed_state import SequenceState, TableState
from mesh.leaderboard import Instant
from schemas.columns import Columns
from schemas.leaderboard import Board, RankedRow
from schemas.widget import Delta, Event, Feeds, Hello, Lag, ServerError, ServerFrame, Snap
from schemas.wire import encode_json
from services.widgets.catalogue import Catalogue


Ranked = tuple[str, float, float | None]
"""Symbol, score, last price."""

_decode = msgspec.json.Decoder(ServerFrame).decode


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


def show_market(
    catalogue: Catalogue, columns: Columns, instant: Instant, received_ms: float
) -> None:
    """Have *catalogue* take all rows as they are now, and make all tables of them: of the same symbols, in the same list."""
    before = catalogue.market.columns.symbols if catalogue.market is not None else []
    if columns.symbols == before:
        columns = Columns(before, columns.matrix)
    for table in catalogue.put_market(columns, instant):
        catalogue.refresh(table, received_ms)


class ModelClient:
    """The protocol as its documentation says, and nothing else: state is what frames made of it.

    A frame that does not follow the one before it, or a checksum that is not the table's, fails the test.
    """

    def __init__(self) -> None:
        self.hello: dict[str, Any] = {}
        self.feeds: list[str] = []
        self.errors: list[dict[str, Any]] = []
        self.kinds: list[str] = []
        self.lags: list[Lag] = []
        self.tables: dict[int, TableState] = {}
        self.sequences: dict[int, SequenceState] = {}
        self.recovered: dict[int, bool | None] = {}
        """What the last first frame of each subscription said."""

    def take(self, text: str | bytes) -> dict[str, Any]:
        """Apply one frame and return it."""
        frame: dict[str, Any] = msgspec.json.decode(text)
        self.kinds.append(frame["type"])
        match _decode(text):
            case Hello():
                self.hello, self.feeds = frame, frame["feeds"]
            case Feeds():
                self.feeds = frame["feeds"]
            case ServerError():
                self.errors.append(frame)
            case Lag() as lag:
                self.lags.append(lag)
            case Snap() as snap:
                self._snap(snap)
            case Delta() as delta:
                state = self.tables[delta.id]
                assert state.on_delta(delta), "a delta was lost"
                assert not state.lost, "a delta does not fit"
            case Event() as event:
                self._event(event)
            case _:
                pass  # the kinds say that it came
        return frame

    def rows(self, subscription: int) -> list[dict[str, Any]]:
        """The rows of a subscription as objects, best first."""
        held = self.tables[subscription]
        return [dict(zip(held.columns, held.rows[symbol], strict=True)) for symbol in held.symbols]

    def values(self, subscription: int) -> list[Any]:
        """What is known of a sequence, oldest first."""
        return [msgspec.json.decode(value) for value in self.sequences[subscription].values]

    def _snap(self, snap: Snap) -> None:
        state = self.tables.setdefault(snap.id, TableState())
        state.on_snap(snap)
        self.recovered[snap.id] = snap.recovered
        assert not state.lost, "a snap is not what its checksum says"

    def _event(self, event: Event) -> None:
        state = self.sequences.setdefault(event.id, SequenceState(keep=100_000))
        assert state.on_event(event), "an event was lost"
        if event.recovered is not None or event.after == 0:
            self.recovered[event.id] = event.recovered


def rows_of(value: Board) -> list[dict[str, Any]]:
    """The same for a board, without ranks: what a client must have."""
    rows: list[dict[str, Any]] = msgspec.to_builtins(value.rows)
    return [{key: cell for key, cell in row.items() if key != "rank"} for row in rows]
