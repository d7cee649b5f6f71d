"""What can be followed: boards, rows, ranges, and sequences of what happens. Everybody who wants the same shares it."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from mesh.leaderboard import Instant, Leaderboard
from schemas.columns import Columns
from schemas.leaderboard import Board
from schemas.naming import CANARY_SYMBOL
from schemas.widget import View
from schemas.wire import json_decoder
from services.widgets.audience import Audience, Watcher
from services.widgets.listing import (
    Market,
    Names,
    Published,
    among_published,
    holds,
    of_market,
    of_published,
    published,
)
from services.widgets.live_sequence import LiveSequence
from services.widgets.live_table import LiveTable
from services.widgets.past import Past, is_as_put
from services.widgets.sequences import Sequences
from services.widgets.shown import Scored, Showing
from services.widgets.want import ViewError, Want, is_table, want


FEEDS_ALWAYS = ("alert/*/*", "halt/*", "news/*", "range/*", "row/*", "status", "trades/*")

_MOST_UNUSED = 256
"""Tables that nobody follows any more and that are kept for those who come back."""
_MOST_UNUSED_BYTES = 64 << 20
"""The same in bytes: somebody may ask for one large table after another."""

_CANARY_FEED = f"row/{CANARY_SYMBOL}"

_decode_board = json_decoder(Board).decode

Live = LiveTable | LiveSequence
Tell = Callable[[Audience], None]
"""Has all who follow what has changed told of it."""


class Catalogue:
    """Everything of one process.

    Args:
        epoch: another for each process.
        boards: the scores of the boards that there may be, by name.
        tell: when something has changed.
    """

    def __init__(
        self, epoch: str, boards: Iterable[Leaderboard] = (), tell: Tell = Audience.tell
    ) -> None:
        self.generation = 0
        """Grows whenever a board appears or ends."""
        self.market: Market | None = None
        self.recoveries: Counter[str] = Counter()
        """Clients that came back to a feed, by what became of it: `replayed`, `snapshot` or `refused`."""
        self.conflated = 0
        """Updates that were no frames of their own, of clients that took the one before late."""
        self._tell_all = tell
        self._epoch = epoch
        self._numbered = 0
        self._scores = {board.name: board for board in boards}
        self._showing = Showing()
        self._canary: Market | None = None
        self._showing_canary = Showing()
        self._scored: dict[str, Scored] = {}
        self._published: dict[str, Published] = {}
        self._received_ms: dict[str, float] = {}
        self._past = Past()
        self._tables: OrderedDict[Want, LiveTable] = OrderedDict()
        self._sequences = Sequences(self._next_epoch)
        self._audiences: dict[Live, Audience] = {}
        """Of what anybody follows."""
        self._present: set[Watcher] = set()

    @property
    def names(self) -> list[str]:
        """All feeds, sorted."""
        return sorted((*(f"board/{name}" for name in self._published), *FEEDS_ALWAYS))

    # What is heard.

    def begin_boards(self, epoch: str) -> None:
        """Boards will be put with their revisions in the bucket *epoch*; whoever follows those of another begins anew."""
        self._past.begin(epoch)
        for wanted, table in list(self._tables.items()):
            if is_as_put(wanted):
                table.has_ended = table.has_successor = True
                del self._tables[wanted]
                self._tell(table)

    def put_board(
        self,
        name: str,
        value: bytes,
        received_ms: float,
        revision: int | None = None,
        links: Sequence[str] = (),
    ) -> None:
        """Take a new value of a board; one whose *revision* was taken before, as after a reconnect, is none.

        Raises:
            ValueError: *value* is not a board; what was known stays.
        """
        if revision is not None and revision <= self._past.newest(name):
            return
        found = published(_decode_board(value))
        if revision is not None:
            self._past.keep(name, revision, found)
        is_new = name not in self._published
        self._published[name], self._received_ms[name] = found, received_ms
        if is_new:
            self._announce()
        for table in self._used_tables():
            asked = table.want
            if asked.feed == f"board/{name}" and (asked.is_whole or self._is_published(asked)):
                self._update(table, received_ms, links)

    def delete_board(self, name: str) -> None:
        """A board has ended."""
        if self._published.pop(name, None) is not None:
            self._past.forget(name)
            self._announce()
            for table in [each for each in self._tables if each.feed == f"board/{name}"]:
                ended = self._tables.pop(table)
                ended.has_ended = True
                self._tell(ended)

    def put_market(self, columns: Columns, instant: Instant) -> list[LiveTable]:
        """Take all rows as they are now; the tables that `refresh` is to be called for, one after the other.

        A list of symbols that was given before has not changed since. The numbers may change under our hands
        until they are put again: for a client that comes in between, rows are chosen by newer ones than are shown.
        """
        names = self.market.names if self.market is not None else None
        if names is None or names.symbols is not columns.symbols:
            names = Names(columns.symbols)
        self._scored = {}
        self.market = Market(columns, instant, names, self._showing.take(columns), {})
        return [table for table in self._used_tables() if not self._is_as_published(table.want)]

    def put_canary(self, columns: Columns, links: Sequence[str] = ()) -> None:
        """Take the row of the canary as it is now. It is a market of its own: the feed of its symbol alone shows it."""
        known = self._canary
        if not columns or (known is not None and known.instant.event_ms == columns.event_ms[0]):
            return
        [row] = columns.rows()
        instant = Instant(row.trading_day, row.event_ms, row.session)
        shown = self._showing_canary.take(columns)
        self._canary = Market(columns, instant, Names(columns.symbols), shown, {})
        for table in self._used_tables():
            if table.want.feed == _CANARY_FEED:
                self._update(table, 0.0, links)

    def refresh(self, table: LiveTable, received_ms: float, links: Sequence[str] = ()) -> None:
        """Make *table* of the market as it is now, if anybody still follows it."""
        if table in self._audiences and not table.has_ended:
            self._update(table, received_ms, links)

    def put_event(self, feed: str, value: bytes) -> None:
        """Something has happened that no stream numbers: *feed* is `trades/AAPL`, *value* a JSON value."""
        for sequence in self._sequences.count(feed, value):
            self._tell(sequence)

    def expect_stream(self, kind: str) -> None:
        """What happens of *kind* will be put with the numbers of a stream; until `begin_stream` nobody is told anything of it."""
        self._sequences.expect(kind)

    def begin_stream(self, kind: str, epoch: str, floor: int) -> None:
        """The stream of *kind* is *epoch*, and what is behind *floor* in it will be put; whoever follows another begins anew."""
        for sequence in self._sequences.begin(kind, epoch, floor):
            self._tell(sequence)

    def cut_stream(self, kind: str, number: int) -> None:
        """Of *kind*, messages up to *number* may have been missed."""
        self._sequences.cut(kind, number)

    def put_numbered(self, feed: str, value: bytes | None, number: int | None) -> None:
        """Something has happened: *feed* is `alert/high/AAPL`, *value* a JSON value.

        Args:
            feed: what it is of.
            value: None: it was put before, without a number.
            number: that of its message; None if it is not known yet.
        """
        for sequence in self._sequences.put(feed, value, number):
            self._tell(sequence)

    # What is followed.

    def enter(self, watcher: Watcher) -> None:
        """Have *watcher* called when a feed appears or ends, until `exit`."""
        self._present.add(watcher)

    def exit(self, watcher: Watcher) -> None:
        """The end of an `enter`."""
        self._present.discard(watcher)

    def follow(self, feed: str, view: View, watcher: Watcher) -> Live:
        """What *view* of *feed* is; *watcher* is called after each change, until `leave`.

        Raises:
            ViewError: there is no such feed, or it cannot be seen in that way.
        """
        is_of_rows = is_table(feed)
        live = self._table(want(feed, view)) if is_of_rows else self._sequences.find(feed)
        audience = self._audiences.get(live)
        if audience is None:
            audience = self._audiences[live] = Audience(live)
        audience.add(watcher)
        return live

    def leave(self, live: Live, watcher: Watcher) -> None:
        """The end of one `follow`."""
        audience = self._audiences[live]
        audience.remove(watcher)
        if not audience:
            del self._audiences[live]
            self._forget_unused()

    def followed(self, kind: str) -> list[str]:
        """The feeds of sequences of a *kind* that somebody follows."""
        found = self._sequences.of_kind(kind)
        return [each.pattern for each in found if each in self._audiences]

    def _table(self, wanted: Want) -> LiveTable:
        name = wanted.feed.removeprefix("board/")
        is_board = wanted.feed.startswith("board/")
        if is_board and name not in self._published and name not in self._scores:
            raise ViewError(f"there is no feed {wanted.feed[:100]!r}")
        table = self._tables.get(wanted)
        if table is None:
            table = self._tables[wanted] = self._new_table(wanted)
        self._tables.move_to_end(wanted)
        if table not in self._audiences:  # nobody kept it up to date
            self._update(table, self._received_ms.get(name, 0.0))
        return table

    def _new_table(self, wanted: Want) -> LiveTable:
        """One that is the same in every process has positions that are, too."""
        epoch = self._past.epoch_of(wanted)
        if epoch is None:
            return LiveTable(wanted, self._next_epoch())
        return LiveTable(wanted, epoch, partial(self._past.listing, wanted))

    def _update(self, table: LiveTable, received_ms: float, links: Sequence[str] = ()) -> None:
        wanted = table.want
        name = wanted.feed.removeprefix("board/")
        if self._is_published(wanted):
            choose = of_published if wanted.is_whole else among_published
            listing = choose(wanted, self._published[name], self.market)
        elif wanted.is_whole and wanted.feed.startswith("board/") and name not in self._published:
            return  # it will be put: boards are slower to start than clients
        elif wanted.feed == _CANARY_FEED and self._canary is not None:
            listing = of_market(wanted, self._canary, None)
        elif self.market is not None:
            listing = of_market(wanted, self.market, self._market_scores(name))
        else:
            return
        before, number = table.seq, self._past.newest(name) if table.is_numbered else None
        if table.update(listing, received_ms, number):
            table.links = links
            if table in self._audiences:
                table.after(before)  # now, for one table after the other costs a third less
            self._tell(table)

    def _market_scores(self, name: str) -> Scored | None:
        """What the whole market scores on a board now; None without one of this name."""
        board = self._scores.get(name)
        if board is None or self.market is None:
            return None
        found = self._scored.get(name)
        if found is None:
            scores = board.scores(self.market.columns, self.market.instant)
            found = self._scored[name] = self._showing.scored(name, scores)
        return found

    def _is_published(self, wanted: Want) -> bool:
        """Whether the rows of a table are those that were put for a board; otherwise it is made of the whole market."""
        name = wanted.feed.removeprefix("board/")
        board = self._published.get(name) if wanted.feed.startswith("board/") else None
        if board is None:
            return False
        if name not in self._scores or self.market is None:
            return True
        more = wanted.top is not None and wanted.top > max(len(board.symbols), 1)
        return wanted.is_whole and not more

    def _is_as_published(self, wanted: Want) -> bool:
        """Whether the market has nothing to say of a table."""
        return self._is_published(wanted) and wanted.is_whole and holds(wanted.columns)

    def _used_tables(self) -> list[LiveTable]:
        return [table for table in self._tables.values() if table in self._audiences]

    def _tell(self, live: Live) -> None:
        audience = self._audiences.get(live)
        if audience is not None:
            self._tell_all(audience)

    def _forget_unused(self) -> None:
        unused = [wanted for wanted, table in self._tables.items() if table not in self._audiences]
        room = _MOST_UNUSED_BYTES
        for place, wanted in enumerate(reversed(unused)):
            room -= self._tables[wanted].size_bytes
            if place >= _MOST_UNUSED or room < 0:
                del self._tables[wanted]
        self._sequences.forget_unused(self._audiences)

    def _next_epoch(self) -> str:
        self._numbered += 1
        return f"{self._epoch}.{self._numbered}"

    def _announce(self) -> None:
        self.generation += 1
        for watcher in self._present:
            watcher()
