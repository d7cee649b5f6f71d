"""The catalogue: whoever wants the same shares it, who comes back finds it, and nothing is kept for ever."""

import pytest

from schemas.columns import columns_of
from schemas.leaderboard import Row
from schemas.widget import View
from services.widgets.catalogue import FEEDS_ALWAYS, Catalogue, Live
from services.widgets.live_sequence import LiveSequence
from services.widgets.live_table import LiveTable
from tests.services.widgets.boards import encoded, show_market
from tests.services.widgets.chance_market import LEADERBOARDS, instant_of


class Watcher:
    """Somebody who counts how often something was said."""

    def __init__(self) -> None:
        self.called = 0

    def __call__(self) -> None:
        """Be told."""
        self.called += 1


@pytest.fixture
def catalogue() -> Catalogue:
    """A board and a market of one row, and another board that there may be."""
    made = Catalogue("e", LEADERBOARDS)
    made.put_board("gainers", encoded(("A", 1.0, 2.0)), 5.0)
    put_market(made, 2.0)
    return made


def put_market(catalogue: Catalogue, last_usd: float) -> None:
    """One row with a price."""
    rows = [Row("A", "2026-01-05", "regular", 1, last_usd=last_usd, gap_pct=last_usd)]
    show_market(catalogue, columns_of(rows), instant_of(rows), 6.0)


def table(live: Live) -> LiveTable:
    """What is followed, as a table."""
    assert isinstance(live, LiveTable)
    return live


def sequence(live: Live) -> LiveSequence:
    """What is followed, as a sequence."""
    assert isinstance(live, LiveSequence)
    return live


def test_equal_wants_are_one_table_and_one_encoding(catalogue: Catalogue) -> None:
    """However it is asked for: what comes to the same is computed and encoded once."""
    first = table(
        catalogue.follow("row/*", View(columns=["last_usd"], symbols=["A", "B"]), Watcher())
    )
    same = View(
        columns=["symbol", "last_usd", "last_usd"], symbols=["B", "A", "B"], where="", hz=4.0
    )
    second = table(catalogue.follow("row/*", same, Watcher()))
    put_market(catalogue, 3.0)

    assert second is first
    assert first.after(1) is second.after(1)
    assert catalogue.follow("row/>", View(columns=["last_usd"]), Watcher()) is not first


def test_watchers_are_told_of_changes_and_of_nothing_else(catalogue: Catalogue) -> None:
    """Each that follows is told once for a change, however often it follows; nobody is told of what is as it was."""
    row, board, other = Watcher(), Watcher(), Watcher()
    live = catalogue.follow("row/A", View(columns=["last_usd"]), row)
    catalogue.follow("row/A", View(columns=["last_usd"]), row)
    catalogue.follow("board/gainers", View(columns=["last_usd"]), board)
    catalogue.follow("halt/*", View(), other)
    put_market(catalogue, 3.0)
    put_market(catalogue, 3.0)
    catalogue.put_board("gainers", encoded(("A", 1.0, 2.0)), 7.0)
    assert (row.called, board.called, other.called) == (1, 0, 0)

    catalogue.leave(live, row)
    put_market(catalogue, 4.0)
    assert row.called == 2
    catalogue.leave(live, row)
    put_market(catalogue, 5.0)
    assert row.called == 2


def test_table_that_nobody_follows_is_resumable(catalogue: Catalogue) -> None:
    """A client that comes back is given what changed meanwhile, though nobody kept the table up to date."""
    watcher = Watcher()
    live = table(catalogue.follow("row/A", View(columns=["last_usd"]), watcher))
    position = live.epoch, live.seq
    catalogue.leave(live, watcher)
    put_market(catalogue, 3.0)
    put_market(catalogue, 4.0)
    again = table(catalogue.follow("row/A", View(columns=["last_usd"]), watcher))

    assert again.resume(*position) is not None
    assert again.objects() == [{"symbol": "A", "last_usd": 4}]


def test_tables_that_nobody_follows_are_forgotten_in_the_end(catalogue: Catalogue) -> None:
    """The newest of them are kept, and those that somebody follows; the others go, however many are asked for."""
    watcher = Watcher()
    held = catalogue.follow("row/HELD", View(columns=["last_usd"]), watcher)
    lives = []
    for number in range(1000):
        lives.append(catalogue.follow(f"row/S{number}", View(columns=["last_usd"]), watcher))
        catalogue.leave(lives[-1], watcher)
    kept = [
        number
        for number in range(999, -1, -1)
        if catalogue.follow(f"row/S{number}", View(columns=["last_usd"]), watcher) is lives[number]
    ]

    assert kept == list(range(999, 999 - len(kept), -1))
    assert 100 <= len(kept) <= 500
    assert catalogue.follow("row/HELD", View(columns=["last_usd"]), watcher) is held


def test_large_tables_that_nobody_follows_are_not_hoarded(catalogue: Catalogue) -> None:
    """What is kept for those who come back is bounded in bytes: one client may ask for every condition there is."""
    rows = [Row(f"S{number}", "2026-01-05", "regular", 1) for number in range(5000)]
    show_market(catalogue, columns_of(rows), instant_of(rows), 6.0)
    watcher, lives = Watcher(), []
    for number in range(40):
        lives.append(catalogue.follow("row/*", View(where=f"event_ms < {number + 10}"), watcher))
        catalogue.leave(lives[-1], watcher)

    newest = catalogue.follow("row/*", View(where="event_ms < 49"), watcher)
    oldest = catalogue.follow("row/*", View(where="event_ms < 10"), watcher)
    assert newest is lives[-1]
    assert oldest is not lives[0]


def test_sequence_holds_what_happened_before_it_was_asked_for(catalogue: Catalogue) -> None:
    """The first to follow alerts sees those that were heard before, by their pattern; the tape is heard from then on."""
    for number, feed in enumerate(("alert/high/A", "alert/low/A", "halt/A", "trades/A")):
        catalogue.put_event(feed, b"%d" % number)

    def known(pattern: str) -> list[bytes]:
        live = sequence(catalogue.follow(pattern, View(), Watcher()))
        return [bytes(value) for value in live.newest(10)]

    assert known("alert/>") == [b"0", b"1"]
    assert known("alert/low/*") == [b"1"]
    assert known("halt/A") == [b"2"]
    assert known("trades/A") == []
    catalogue.put_event("trades/A", b"4")
    assert known("trades/A") == [b"4"]


def test_sequence_that_is_heard_anyway_goes_on_without_followers(catalogue: Catalogue) -> None:
    """Alerts can be resumed after a while that nobody followed them; the tape cannot, and does not pretend to."""
    watcher = Watcher()
    positions = {}
    for pattern in ("alert/*/*", "trades/A"):
        live = catalogue.follow(pattern, View(), watcher)
        positions[pattern] = live.epoch, live.seq
        catalogue.leave(live, watcher)
    catalogue.put_event("alert/high/A", b"1")
    catalogue.put_event("trades/A", b"2")

    alerts, trades = (catalogue.follow(pattern, View(), watcher) for pattern in positions)
    assert alerts.resume(*positions["alert/*/*"]) is not None
    assert trades.resume(*positions["trades/A"]) is None


def test_only_what_is_followed_is_asked_of_the_tape(catalogue: Catalogue) -> None:
    """The tap hears the symbols that somebody follows, and no longer those that nobody does."""
    watcher = Watcher()
    live = catalogue.follow("trades/A", View(), watcher)
    catalogue.follow("trades/B", View(), watcher)
    assert sorted(catalogue.followed("trades")) == ["trades/A", "trades/B"]

    catalogue.leave(live, watcher)
    assert catalogue.followed("trades") == ["trades/B"]


def test_board_that_may_be_is_waited_for(catalogue: Catalogue) -> None:
    """A board of this service that was not put yet may be followed, and begins as soon as it is."""
    watcher = Watcher()
    live = table(catalogue.follow("board/recent", View(columns=["score"]), watcher))
    assert live.seq == 0

    catalogue.put_board("recent", encoded(("A", 4.0, 2.0), name="recent"), 7.0)
    assert watcher.called
    assert live.objects() == [{"symbol": "A", "score": 4}]


def test_board_that_ended_and_returned_is_another(catalogue: Catalogue) -> None:
    """Positions of a board's former life are worth nothing in the next."""
    watcher = Watcher()
    live = table(catalogue.follow("board/gainers", View(columns=["score"]), watcher))
    catalogue.delete_board("gainers")
    assert watcher.called
    assert "board/gainers" not in catalogue.names

    catalogue.put_board("gainers", encoded(("A", 1.0, 2.0)), 5.0)
    again = table(catalogue.follow("board/gainers", View(columns=["score"]), watcher))
    assert again is not live
    assert again.resume(live.epoch, live.seq) is None
    catalogue.leave(live, watcher)


def test_epochs_are_of_one_numbering_alone() -> None:
    """No two tables, of no two catalogues, share one; sequences do, of one kind in one catalogue."""
    epochs = []
    for name in ("e", "f"):
        made = Catalogue(name)
        for number in range(5):
            epochs.append(made.follow(f"row/S{number}", View(), Watcher()).epoch)
            epochs.append(made.follow(f"trades/S{number}", View(), Watcher()).epoch)
        kinds = {made.follow(f"alert/*/S{n}", View(), Watcher()).epoch for n in range(5)}
        epochs += [*kinds, made.follow("halt/*", View(), Watcher()).epoch]

    assert len(set(epochs)) == len(epochs) == 24


def test_those_who_are_present_hear_of_feeds(catalogue: Catalogue) -> None:
    """Whoever is there is told when a board appears or ends, and whoever has left is not."""
    watcher = Watcher()
    catalogue.enter(watcher)
    catalogue.put_board("new", encoded(("A", 1.0, 2.0)), 5.0)
    catalogue.put_board("new", encoded(("A", 2.0, 2.0)), 5.0)
    catalogue.delete_board("new")
    catalogue.delete_board("nobody")
    assert watcher.called == 2

    catalogue.exit(watcher)
    catalogue.put_board("new", encoded(("A", 1.0, 2.0)), 5.0)
    assert watcher.called == 2
    assert catalogue.names == sorted([*FEEDS_ALWAYS, "board/gainers", "board/new"])
