"""Streams and boards in several processes, each as far as it has read: what a client has that goes from one to another."""

from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.widget import View
from services.widgets.catalogue import Catalogue
from services.widgets.live_sequence import LiveSequence
from services.widgets.recent import MOST_RECENT, PLACES, Recent
from tests.services.widgets.boards import Ranked, encoded
from tests.services.widgets.players import BOARD, Player
from tests.services.widgets.test_live_sequence import event_of, put_value, values_of


PATTERNS = ("alert/>", "alert/high/*", "alert/*/B")
FEEDS = ("alert/high/A", "alert/low/A", "alert/high/B")
PROCESSES = 3

_starts = count(1)


class Process:
    """One that has read *stream* from somewhere on."""

    def __init__(self, stream: list[str], tail: int) -> None:
        self.catalogue = Catalogue(f"e{next(_starts)}")
        self.catalogue.expect_stream("alert")
        self.number = max(0, len(stream) - tail)
        self._stream = stream
        self._is_begun = False

    def read(self, most: int) -> None:
        """Read on, so many at most."""
        if not self._is_begun:
            self._is_begun = True
            self.catalogue.begin_stream("alert", "stream", self.number)
        for number in range(self.number + 1, min(len(self._stream), self.number + most) + 1):
            feed = self._stream[number - 1]
            self.catalogue.put_numbered(feed, b"[%d]" % number, number)
            self.number = number


class Traveller:
    """A client that follows some patterns, and what it must have of each."""

    def __init__(self, process: Process) -> None:
        self.player = Player(process.catalogue)
        self.process = process
        self.now_ms = 0.0
        for number, pattern in enumerate(PATTERNS):
            self.player.subscribe(number, pattern, View(top=3))

    def go(self, process: Process) -> None:
        """Go on at another process, or the same."""
        self.player.session.leave()
        self.process = process
        self.player.connect(process.catalogue)

    def take(self, stream: list[str]) -> None:
        """Take all that is owed: it is all that matches, without a gap, since something that was given at a beginning."""
        self.now_ms = self.player.drain(self.now_ms)
        for number, pattern in enumerate(PATTERNS):
            if number not in self.player.sequences:
                assert not self.process._is_begun
                continue
            values: list[Any] = [value for (value,) in self.player.values(number)]
            matching = [
                at + 1
                for at, feed in enumerate(stream[: max(self.process.number, *values, 0)])
                if pattern in ("alert/>", feed)
                or (pattern == "alert/high/*" and feed.startswith("alert/high/"))
                or (pattern == "alert/*/B" and feed.endswith("/B"))
            ]
            assert values == matching[len(matching) - len(values) :]


processes = st.integers(0, PROCESSES - 1)
steps = st.one_of(
    st.tuples(st.just("publish"), st.lists(st.sampled_from(FEEDS), min_size=1, max_size=4)),
    st.tuples(st.just("read"), st.tuples(processes, st.integers(0, 5))),
    st.tuples(st.just("start"), st.tuples(processes, st.integers(0, 6))),
    st.tuples(st.just("go"), processes),
    st.tuples(st.just("take"), st.none()),
)


@given(st.lists(steps, max_size=30))
def test_traveller_misses_nothing_and_has_nothing_twice(history: list[tuple[str, Any]]) -> None:
    """Wherever it goes, also to a process that is behind, knows nothing yet, or does not reach back far enough."""
    stream: list[str] = []
    running = [Process(stream, 0) for _ in range(PROCESSES)]
    traveller = Traveller(running[0])
    for step, what in history:
        match step:
            case "publish":
                stream += what
            case "read":
                running[what[0]].read(what[1])
            case "start":
                was_there = traveller.process is running[what[0]]
                running[what[0]] = Process(stream, what[1])
                if was_there:
                    traveller.go(running[what[0]])
            case "go":
                traveller.go(running[what])
            case _:
                traveller.take(stream)
    for process in running:
        process.read(len(stream))
        traveller.go(process)
        traveller.take(stream)
        assert len(traveller.player.sequences) == len(PATTERNS)


@given(st.lists(steps, max_size=30), st.integers(0, 10))
def test_traveller_that_is_not_ahead_goes_on(history: list[tuple[str, Any]], before: int) -> None:
    """Between processes that know the whole stream each position is good, and no value is given again."""
    stream = list(FEEDS[:1]) * before
    running = [Process(stream, len(stream)) for _ in range(PROCESSES)]
    traveller = Traveller(running[0])
    running[0].read(before)
    traveller.take(stream)
    known = {number: traveller.player.values(number) for number in range(len(PATTERNS))}
    for step, what in history:
        if step == "publish":
            stream += what
        elif step == "go":
            running[what].read(len(stream))
            traveller.go(running[what])
            traveller.take(stream)
            assert set(traveller.player.recovered.values()) == {True}
            for number, values in known.items():
                now = traveller.player.values(number)
                assert now[: len(values)] == values
                known[number] = now


def test_value_that_came_before_its_number_is_given_once() -> None:
    """Whoever is there has it at once, goes on from its number when that is known, and is not given it again."""
    sequence = LiveSequence("alert/*/*", Recent("stream"))
    put_value(sequence, b"1")
    put_value(sequence, b"2", numbered=False)
    early = event_of(sequence.after(1 * PLACES))
    at = sequence.seq
    put_value(sequence, None)
    known = event_of(sequence.after(at))
    at = sequence.seq
    put_value(sequence, b"3")

    assert (early.after, early.seq, values_of(early)) == (1, 1, [2])
    assert (known.after, known.seq, values_of(known)) == (1, 2, [])
    assert values_of(event_of(sequence.after(at))) == [3]
    assert values_of(event_of(sequence.resume("stream", 1))) == [2, 3]
    assert values_of(event_of(sequence.resume("stream", 2))) == [3]


def test_position_among_values_that_came_before_their_numbers_begins_anew() -> None:
    """Whoever comes from elsewhere with some of what had no number here is not taken to have all; with none or all of it one goes on."""
    sequence = LiveSequence("alert/*/*", Recent("stream"))
    put_value(sequence, b"1")
    put_value(sequence, b"2", numbered=False)
    put_value(sequence, b"3", numbered=False)
    for _ in range(2):
        assert values_of(event_of(sequence.resume("stream", 1))) == [2, 3]
        put_value(sequence, None)
        assert sequence.resume("stream", 2) is None
    assert values_of(event_of(sequence.resume("stream", 1))) == [2, 3]
    assert values_of(event_of(sequence.resume("stream", 3))) == []
    put_value(sequence, b"4")
    assert values_of(event_of(sequence.resume("stream", 3))) == [4]


def test_value_whose_number_never_comes_counts_as_long_as_it_is_kept() -> None:
    """Positions behind it are none until so much has happened since that it would not be given any more."""
    sequence = LiveSequence("alert/*/*", Recent("stream"))
    put_value(sequence, b"1", numbered=False)
    for _ in range(MOST_RECENT - 1):
        put_value(sequence, b"2")
    assert sequence.resume("stream", sequence.number) is None
    put_value(sequence, b"3")
    assert values_of(event_of(sequence.resume("stream", sequence.number - 1))) == [3]


ranked = st.lists(
    st.tuples(st.sampled_from("ABCDEF"), st.sampled_from([1.0, 2.0]), st.sampled_from([None, 5.0, 6.0])),
    unique_by=lambda row: row[0],
    max_size=5,
)  # fmt: skip
board_steps = st.one_of(
    st.tuples(st.just("publish"), ranked),
    st.tuples(st.just("read"), st.tuples(processes, st.integers(0, 3))),
    st.tuples(st.just("skip"), st.tuples(processes, st.integers(1, 3))),
    st.tuples(st.just("start"), processes),
    st.tuples(st.just("go"), processes),
    st.tuples(st.just("take"), st.none()),
)
VIEWS = (View(), View(columns=["last_usd"]), View(window=(1, 3)), View(top=3), View(sort="score"))


class BoardProcess:
    """One that watches *boards*; the revision of each is ten times its place from 1 on."""

    def __init__(self, boards: list[list[Ranked]]) -> None:
        self.catalogue = Catalogue(f"e{next(_starts)}")
        self.catalogue.begin_boards("bucket")
        self.number = len(boards) - 1
        self._boards = boards
        self._put()

    def read(self, most: int) -> None:
        """Hear of the next, one after the other."""
        for _ in range(min(most, len(self._boards) - 1 - self.number)):
            self.number += 1
            self._put()

    def skip(self, most: int) -> None:
        """Hear of a later one alone, as when the ones between were replaced before they were sent."""
        self.number = min(self.number + most, len(self._boards) - 1)
        self._put()

    def _put(self) -> None:
        value = encoded(*self._boards[self.number])
        self.catalogue.put_board("gainers", value, 5.0, 10 * (self.number + 1))


class BoardTraveller:
    """A client that follows a board in some views."""

    def __init__(self, process: BoardProcess) -> None:
        self.player = Player(process.catalogue)
        self.process = process
        self.now_ms = 0.0
        for number, view in enumerate(VIEWS):
            self.player.subscribe(number, BOARD, view)

    def go(self, process: BoardProcess) -> None:
        """Go on at another process, or the same."""
        self.player.session.leave()
        self.process = process
        self.player.connect(process.catalogue)

    def take(self, boards: list[list[Ranked]]) -> None:
        """Take all that is owed: it is the board as the process knows it."""
        self.now_ms = self.player.drain(self.now_ms)
        catalogue = BoardProcess(boards[: self.process.number + 1]).catalogue
        fresh = Player(catalogue)
        for number, view in enumerate(VIEWS):
            fresh.subscribe(number, BOARD, view)
        fresh.drain(0.0)
        for number in range(len(VIEWS)):
            assert self.player.rows(number) == fresh.rows(number)


@given(st.lists(board_steps, max_size=20), ranked)
@settings(max_examples=60)
def test_traveller_has_the_board_of_where_it_is(
    history: list[tuple[str, Any]], first: list[Ranked]
) -> None:
    """Whatever it was told of elsewhere, each delta fits what it has, by its checksum, and makes it what the process knows."""
    boards = [first]
    running = [BoardProcess(boards) for _ in range(PROCESSES)]
    traveller = BoardTraveller(running[0])
    for step, what in history:
        match step:
            case "publish":
                boards.append(what)
            case "read":
                running[what[0]].read(what[1])
            case "skip":
                running[what[0]].skip(what[1])
            case "start":
                was_there = traveller.process is running[what]
                running[what] = BoardProcess(boards)
                if was_there:
                    traveller.go(running[what])
            case "go":
                traveller.go(running[what])
            case _:
                traveller.take(boards)
    traveller.take(boards)


@given(st.lists(st.tuples(ranked, processes), min_size=1, max_size=8), ranked)
@settings(max_examples=60)
def test_board_goes_on_wherever_its_value_was_known(
    history: list[tuple[list[Ranked], int]], first: list[Ranked]
) -> None:
    """A process that has heard of each value goes on from any of the last ones, also for a view that nobody had here."""
    boards = [first]
    running = [BoardProcess(boards) for _ in range(PROCESSES)]
    traveller = BoardTraveller(running[0])
    traveller.take(boards)
    for board, to in history:
        boards.append(board)
        for process in running:
            process.read(1)
        traveller.player.kinds.clear()
        traveller.go(running[to])
        traveller.take(boards)

        shared = [kind for kind in traveller.player.kinds if kind in ("snap", "delta")]
        assert shared.count("snap") <= 2, "of the views with `top` and `sort`"
