"""Everything that can happen to clients, in any order: whoever has taken all that it was sent has what there is."""

import re
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)
from msgspec.structs import replace

from schemas.columns import columns_of
from schemas.leaderboard import Board, Row
from schemas.widget import Head, View
from schemas.wire import encode_json
from services.widgets.catalogue import Catalogue
from services.widgets.live_sequence import MOST_KEPT
from services.widgets.rounds import Rounds
from services.widgets.want import is_table, want
from tests.services.widgets.boards import show_market
from tests.services.widgets.chance_market import (
    LEADERBOARDS,
    board_of,
    changed_rows,
    instant_of,
    markets,
    selected,
    shown,
    views,
)
from tests.services.widgets.players import Player


CLIENTS = 3
ALL = 1000
HEARD_ALWAYS = ("alert/high/A", "alert/high/BRK.B", "alert/low/A", "halt/A")
EVENTS = (*HEARD_ALWAYS, "trades/A")

clients = st.integers(0, CLIENTS - 1)
numbers = st.integers(0, 1)
takers = st.tuples(*[st.sampled_from([0, 0, 1, 2, ALL, ALL])] * CLIENTS)
"""How many frames each client takes after a change."""
names = st.sampled_from([board.name for board in LEADERBOARDS])
sequences = st.sampled_from(
    ["alert/*/*", "alert/>", "alert/high/*", "alert/*/A", "alert/high/A", "halt/*", "trades/A"]
)
rates = st.sampled_from([None, None, 2.0, 20.0])
feeds = st.sampled_from(["board/gainers", "board/recent", "row/*", "row/A", "range/>"])
some_views = st.sampled_from(
    [
        View(columns=["last_usd", "change_open_pct"]),
        View(columns=["gap_pct"], sort="gap_pct", top=3),
        View(columns=["last_usd"], where="last_usd > 1"),
    ]
) | st.builds(lambda view, hz: replace(view, hz=hz), views(of_board=False), rates)


class Widgets(RuleBasedStateMachine):
    """A service that starts again now and then, its data, and clients that come, go and do not keep up."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0.0
        self.starts = 1
        self.rows: list[Row] = []
        self.boards: dict[str, Board] = {}
        self.events: list[tuple[str, int]] = []
        self.rounds = Rounds()
        self.catalogue = Catalogue("1", LEADERBOARDS, self.rounds.tell)
        self.players = [Player(self.catalogue, is_prompt=number > 0) for number in range(CLIENTS)]

    @initialize(rows=markets, asked=st.tuples(*[st.tuples(feeds, some_views, sequences)] * CLIENTS))
    def everybody_follows_something(
        self, rows: list[Row], asked: tuple[tuple[str, View, str], ...]
    ) -> None:
        """There are boards, and each client has a table and a sequence."""
        self._put_market(rows)
        for board in LEADERBOARDS:
            self._put_board(board.name, 3)
        for player, (feed, view, sequence) in zip(self.players, asked, strict=True):
            player.subscribe(0, feed, view)
            player.subscribe(1, sequence, View())

    # What happens to the data.

    @rule(rows=markets, frames=takers)
    def market_changes(self, rows: list[Row], frames: tuple[int, ...]) -> None:
        """All rows are others."""
        self._put_market(rows)
        self._take(frames)

    @precondition(lambda self: self.rows)
    @rule(place=st.integers(0, 7), price=st.sampled_from([None, 0.5, 1.5, 20.0]), frames=takers)
    def price_changes(self, place: int, price: float | None, frames: tuple[int, ...]) -> None:
        """One row is another."""
        symbol = self.rows[place % len(self.rows)].symbol
        self._put_market(
            changed_rows(self.rows, symbol, last_usd=price, change_open_pct=price, gap_pct=price)
        )
        self._take(frames)

    @rule(name=names, top=st.integers(0, 5), frames=takers)
    def board_is_put(self, name: str, top: int, frames: tuple[int, ...]) -> None:
        """A board of the rows as they are now."""
        self._put_board(name, top)
        self._take(frames)

    @precondition(lambda self: self.boards)
    @rule(name=names, again=st.booleans(), frames=takers)
    def board_ends(self, name: str, again: bool, frames: tuple[int, ...]) -> None:
        """A board is no more, and maybe comes back before everybody has heard of it."""
        self.boards.pop(name, None)
        self.catalogue.delete_board(name)
        if again:
            self._take(frames)
            self._put_board(name, 3)
        self._take(frames)

    @rule(feed=st.sampled_from(EVENTS), count=st.sampled_from([1, 1, 3, 60]), frames=takers)
    def something_happens(self, feed: str, count: int, frames: tuple[int, ...]) -> None:
        """One or more times."""
        self._put_events(feed, count)
        self._take(frames)

    def _put_events(self, feed: str, count: int) -> None:
        for _ in range(count):
            self.events.append((feed, len(self.events)))
            self.catalogue.put_event(feed, b"%d" % (len(self.events) - 1))

    @precondition(lambda self: len(self.events) < MOST_KEPT)
    @rule()
    def more_happens_than_is_kept(self) -> None:
        """Who did not take anything meanwhile has lost something."""
        self._put_events("alert/high/A", MOST_KEPT + 1)

    # What clients do.

    @rule(client=clients, number=numbers, feed=feeds, view=some_views)
    def client_follows_table(self, client: int, number: int, feed: str, view: View) -> None:
        """Any view of any feed, maybe under a number in use."""
        self.players[client].subscribe(number, feed, view)

    @rule(client=clients, number=numbers, feed=sequences, top=st.none() | st.integers(1, 5))
    def client_follows_sequence(self, client: int, number: int, feed: str, top: int | None) -> None:
        """What happens, with some of what has."""
        self.players[client].subscribe(number, feed, View(top=top))

    @rule(client=clients, number=numbers, view=some_views)
    def client_changes_its_view(self, client: int, number: int, view: View) -> None:
        """Another view of the same feed."""
        player = self.players[client]
        if number in player.wanted and is_table(player.wanted[number][0]):
            player.set(number, view)

    @rule(client=clients, number=numbers)
    def client_unsubscribes(self, client: int, number: int) -> None:
        """One thing less."""
        if number in self.players[client].wanted:
            self.players[client].unsubscribe(number)

    @rule(frames=takers, later_ms=st.sampled_from([0.0, 100.0, 1000.0]))
    def time_goes_by(self, frames: tuple[int, ...], later_ms: float) -> None:
        """And some take what there is."""
        self.now_ms += later_ms
        self._take(frames)

    @rule(
        client=clients,
        events=st.sampled_from([0, 0, 1, 60]),
        rows=st.none() | markets,
        frames=takers,
    )
    def client_comes_back(
        self, client: int, events: int, rows: list[Row] | None, frames: tuple[int, ...]
    ) -> None:
        """After its connection broke, and something happened meanwhile."""
        self.players[client].session.leave()
        self._put_events("alert/high/A", events)
        if rows is not None:
            self._put_market(rows)
        self.players[client].connect(self.catalogue)
        self._take(frames)

    def _go_round(self, most: int) -> None:
        """Tell some of those who follow what has changed; the rest hear of it later."""
        for _ in range(most):
            self.rounds.go_on(self.now_ms)

    def _take(self, frames: tuple[int, ...]) -> None:
        self._go_round(max(frames))
        for player, most in zip(self.players, frames, strict=True):
            if most == ALL:
                self._take_everything(player)
            for _ in range(most if most != ALL else 0):
                if player.take_next(self.now_ms) is None:
                    break

    def _take_everything(self, player: Player) -> None:
        """Whoever has been told of everything, and has taken everything, has what there is."""
        self.now_ms = player.drain(self.now_ms)
        if player.session.closing is not None:  # it was told so, and comes back
            player.session.leave()
            player.connect(self.catalogue)
            self.now_ms = player.drain(self.now_ms)
        assert player.session.closing is None
        assert player.feeds == self.catalogue.names
        for number, (feed, view) in player.wanted.items():
            if is_table(feed):
                self._check_table(player, number, feed, view)
            else:
                self._check_sequence(player, number, feed)

    # What happens to the service.

    @rule(data=st.data(), is_read_early=st.booleans())
    def service_starts_again(self, data: st.DataObject, is_read_early: bool) -> None:
        """Another process with the same data, which it hears in any order, while clients are back already."""
        self.starts += 1
        for player in self.players:
            player.session.leave()
        self.rounds = Rounds()
        self.catalogue = Catalogue(str(self.starts), LEADERBOARDS, self.rounds.tell)
        for player in self.players:
            player.connect(self.catalogue)
            if is_read_early:
                self.now_ms = player.drain(self.now_ms)
        for part in data.draw(st.permutations(["market", "boards", "events"])):
            self._hear(part)

    def teardown(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """In the end everybody has everything."""
        self._take((ALL,) * CLIENTS)

    def _put_market(self, rows: list[Row]) -> None:
        self.rows = rows
        show_market(self.catalogue, columns_of(rows), instant_of(rows), 1.0)

    def _put_board(self, name: str, top: int) -> None:
        found = board_of(name, self.rows, top, 1)
        self.boards[name] = found
        self.catalogue.put_board(name, encode_json(found), 1.0)

    def _hear(self, part: str) -> None:
        if part == "market":
            self._put_market(self.rows)
        if part == "boards":
            for name, board in self.boards.items():
                self.catalogue.put_board(name, encode_json(board), 1.0)
        if part == "events":
            for feed, value in self.events:
                if feed in HEARD_ALWAYS:
                    self.catalogue.put_event(feed, b"%d" % value)

    def _check_sequence(self, player: Player, number: int, feed: str) -> None:
        """Its values are the newest of all, each once."""
        pattern = re.compile(feed.replace("*", "[^/]+").replace(">", ".+"))
        expected = [value for kind, value in self.events if pattern.fullmatch(kind)]
        values = player.values(number)

        assert values == expected[len(expected) - len(values) :]
        if player.recovered[number] is None and feed in HEARD_ALWAYS:
            assert len(values) >= min(len(expected), 1)

    def _check_table(self, player: Player, number: int, feed: str, view: View) -> None:
        expected = self._expected(feed, view)
        if expected is None:  # it has not begun, or was another until `set`
            return
        rows, total, head = expected
        state = player.tables[number]

        assert [state.rows[symbol] for symbol in state.symbols] == rows
        assert (state.total, state.head) == (total, head)
        live = self.catalogue.follow(feed, view, player.wake)
        assert (state.epoch, state.seq) == (live.epoch, live.seq)
        assert state.crc() == live.checksum()  # type: ignore[union-attr]  # it is no sequence
        self.catalogue.leave(live, player.wake)

    def _expected(self, feed: str, view: View) -> tuple[list[list[Any]], int, Head] | None:
        """Rows, how many there are, and what they are of; None if nothing is known yet."""
        asked, board = want(feed, view), self.boards.get(feed.removeprefix("board/"))
        if board is not None and asked.is_whole and (asked.top or 0) <= max(len(board.rows), 1):
            return *shown(board, view, self.rows), Head(
                board.trading_day, board.session, board.asof_ms
            )
        if board is None and asked.is_whole and feed.startswith("board/"):
            return None
        instant = instant_of(self.rows)
        head = Head(instant.trading_day, instant.session, instant.event_ms)
        return *selected(feed, view, self.rows), head


TestWidgets = Widgets.TestCase
TestWidgets.settings = settings(stateful_step_count=40)
