"""The market under the old names: boards, rows and price bands as they came last, made into old values when asked for."""

from schemas.halt import Halted
from schemas.leaderboard import Board, Row
from schemas.naming import CANARY_SYMBOL
from schemas.wire import DecodeError, encode_json, json_decoder
from services.widgets import compat_values as values
from services.widgets.compat_names import BOARDS, Kind, Name, of_symbol
from services.widgets.compat_ranges import Extremes, SessionRange, daily_range


_decode_board = json_decoder(Board).decode
_decode_row = json_decoder(Row).decode
_decode_extremes = json_decoder(Extremes).decode
_decode_halted = json_decoder(Halted).decode

_NAMES = {board: name for name, board in BOARDS.items()}


class _Symbol:
    """A row as it came: most rows are never asked for, and decoding them would cost more than all else."""

    __slots__ = ("bar_end_ms", "row", "sessions", "value")

    def __init__(self) -> None:
        self.value = b""
        self.row: Row | None = None
        self.sessions = SessionRange()
        self.bar_end_ms: int | None = None


class Market:
    """What is known now. Each `take_…` says which names have a new value."""

    def __init__(self) -> None:
        self._boards: dict[str, Board] = {}
        self._rankings: dict[str, tuple[Board, str]] = {}
        self._symbols: dict[str, _Symbol] = {}
        self._bands: dict[str, Halted] = {}

    def take_board(self, board: str, value: bytes | None) -> list[str]:
        """A value of our *board*, None if it was deleted.

        Raises:
            DecodeError: it is no board; what was known stays.
        """
        if value is None:
            self._boards.pop(board, None)
            return []
        decoded = _decode_board(value)
        if decoded.board != board or board not in _NAMES:
            raise DecodeError(f"{board} is not the board {decoded.board}")
        if self._boards.get(board) == decoded:
            return []
        self._boards[board] = decoded
        return [_NAMES[board]]

    def take_row(self, symbol: str, value: bytes | None) -> list[str]:
        """A value of the row of *symbol*, None if it was deleted.

        Raises:
            DecodeError: it is no row; what was known stays.
        """
        if value is None or symbol == CANARY_SYMBOL:
            self._symbols.pop(symbol, None)
            return []
        held = self._symbols.get(symbol) or _Symbol()
        if held.value == value:
            return []
        extremes = _decode_extremes(value)
        names = [of_symbol(Kind.QUOTE, symbol), of_symbol(Kind.RANGE, symbol)]
        if extremes.bar_end_ms != held.bar_end_ms:
            names.append(of_symbol(Kind.BAR, symbol))
        held.value, held.row, held.bar_end_ms = value, None, extremes.bar_end_ms
        held.sessions.take(extremes)
        self._symbols[symbol] = held
        return names

    def take_halt(self, symbol: str, value: bytes | None) -> list[str]:
        """How *symbol* trades, None if that was deleted.

        Raises:
            DecodeError: it is no such value; what was known stays.
        """
        if value is None:
            self._bands.pop(symbol, None)
            return []
        decoded = _decode_halted(value)
        if self._bands.get(symbol) == decoded:
            return []
        self._bands[symbol] = decoded
        return [of_symbol(Kind.BAND, symbol)]

    def value(self, name: Name) -> str | None:
        """The JSON value of *name*, None if there is none; lists are not kept here."""
        match name.kind:
            case Kind.BOARD:
                return self._ranking(name.of)
            case Kind.BAND:
                halted = self._bands.get(name.of)
                return None if halted is None else _json(values.band(halted))
            case Kind.TRADES if not name.of:
                return _json_or_none(values.top_trades(filter(None, map(self._row, self._symbols))))
            case _:
                return self._of_row(name)

    def _of_row(self, name: Name) -> str | None:
        row = self._row(name.of)
        if row is None:
            return None
        match name.kind:
            case Kind.QUOTE:
                return _json(values.quote(row))
            case Kind.RANGE:
                return _json(daily_range(row, self._symbols[name.of].sessions))
            case Kind.BAR:
                return None if row.bar_end_ms is None else _json(values.bar(row))
            case _:
                return _json_or_none(values.trades_of(row))

    def _ranking(self, board: str) -> str | None:
        """Encoded once for each value of the board, whoever asks."""
        value = self._boards.get(board)
        if value is None:
            return None
        ranked, text = self._rankings.get(board, (None, ""))
        if ranked is not value:
            rows = [self._row(row.symbol) for row in value.rows]
            text = _json(values.ranking(value, rows))
            self._rankings[board] = (value, text)
        return text

    def _row(self, symbol: str) -> Row | None:
        """None also for one that cannot be decoded whole."""
        held = self._symbols.get(symbol)
        if held is None:
            return None
        if held.row is None:
            try:
                held.row = _decode_row(held.value)
            except DecodeError:
                return None
        return held.row


def _json(value: object) -> str:
    return encode_json(value).decode()


def _json_or_none(value: object) -> str | None:
    return None if value is None else _json(value)
