"""Following a feed: whatever is lost, cut or spoilt on the way, the client ends with what the service has."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mesh.feed_state import TableState
from mesh.follower import Counters, Events, Follower
from schemas.widget import Delta, Event, Get, Snap, Subscribe, View
from tests.mesh.test_feed_state import Rows, shown, slow_crc, slow_delta, snap, tables


EPOCH = "e"


class TableService:
    """A service as `schemas.widget` describes it, with one client and a way to it."""

    def __init__(self, rows: Rows, follower: Follower, keep: int) -> None:
        self.history = [rows]
        """The table at 1, 2, …"""
        self.follower = follower
        self._keep = keep
        self._told = 0
        self.connect()

    @property
    def seq(self) -> int:
        """The newest position."""
        return len(self.history)

    def connect(self, *, during: bool = False) -> None:
        """Answer the client's request."""
        asked = self.follower.request(during=during)
        assert isinstance(asked, Subscribe)
        if asked.epoch == EPOCH and asked.seq is not None and self.seq - asked.seq < self._keep:
            self._told = asked.seq
            self.send()
        else:
            self._give(snap(self.history[-1], self.seq))
        self._told = self.seq

    def send(self, fault: str = "") -> None:
        """One delta from what was sent last to the newest; lost on the way, or spoilt, if *fault* says so."""
        if self._told == self.seq:
            return
        before, after = self.history[self._told - 1], self.history[-1]
        delta = slow_delta(before, after, self.seq, slow_crc(after))
        delta = msgspec.structs.replace(delta, after=self._told)
        self._told = self.seq
        if fault == "spoilt" and delta.cells:
            column, values, *_ = delta.cells[0]
            delta = msgspec.structs.replace(delta, cells=[[column, [*values, 1.0]]])
        if fault != "lost":
            self._give(delta)

    def _give(self, frame: Snap | Delta) -> None:
        if not self.follower.on_frame(frame):
            self.connect(during=True)


@given(
    tables,
    st.lists(st.tuples(tables, st.sampled_from(["", "", "late", "lost", "spoilt", "cut"]))),
    tables,
    st.integers(1, 4),
)
def test_table_converges_after_any_fault(
    first: Rows, history: list[tuple[Rows, str]], last: Rows, keep: int
) -> None:
    """Updates that are merged, lost or spoilt, and cuts: what is read is never wrong, and in the end it is the newest."""
    follower = Follower(Subscribe(1, "board/x"), 10, Counters())
    service = TableService(first, follower, keep)
    for rows, fault in history:
        service.history.append(rows)
        if fault == "cut":
            service.connect()
        elif fault != "late":
            service.send(fault)
        table = follower.read()
        if isinstance(table, TableState):
            assert shown(table) == list(service.history[table.seq - 1])
    for rows in (first, last):  # a loss is noticed with the next update
        service.history.append(rows)
        service.send()

    newest = follower.state
    assert isinstance(newest, TableState)
    assert (shown(newest), newest.seq) == (list(last), service.seq)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "", "lost", "cut", "read"]))))
def test_sequence_leaves_nothing_out(steps: list[tuple[int, str]]) -> None:
    """With a service that has all of it, every value is read once and in order, whatever is lost on the way."""
    follower = Follower(Subscribe(1, "news/*"), 1000, Counters())
    values: list[int] = []
    read: list[int] = []

    def give(after: int, *, during: bool) -> None:
        frame = Event(
            1, "news/*", EPOCH, after, len(values), [Raw(b"%d" % n) for n in values[after:]]
        )
        if not follower.on_frame(frame):
            ask(during=during)

    def ask(*, during: bool) -> None:
        request = follower.request(during=during)
        assert isinstance(request, Subscribe)
        give(request.seq or 0, during=True)

    def look() -> None:
        events = follower.read()
        if isinstance(events, Events):
            assert events.missed == 0
            read.extend(int(bytes(value)) for value in events.values)

    ask(during=False)
    for count, fault in steps:
        told = len(values)
        values.extend(range(told, told + count))
        if fault == "cut":
            ask(during=False)
        elif fault != "lost" and count:
            give(told, during=True)
        if fault == "read":
            look()
    ask(during=False)
    look()

    assert read == values


def test_get_is_asked_for_as_it_was() -> None:
    """A question has no position to go on from."""
    follower = Follower(Get(3, "board/x", View(top=1)), 10, Counters())
    assert follower.on_frame(snap([["A", 1.0, 2.0, "pre"]]))

    assert follower.request() == Get(3, "board/x", View(top=1))


def test_frames_are_counted_by_what_they_were() -> None:
    """Snapshots, recoveries, gaps and what diverged; frames that cross a request are none of these."""
    counters = Counters()
    follower = Follower(Subscribe(1, "board/x"), 10, counters)
    a, b = ["A", 1.0, 2.0, "pre"], ["A", 2.0, 2.0, "pre"]
    follower.request()
    assert follower.on_frame(snap([a]))
    follower.request()
    assert follower.on_frame(slow_delta([a], [b], 2))
    assert not follower.on_frame(slow_delta([b], [a], 9))
    follower.request(during=True)
    assert follower.on_frame(slow_delta([a], [b], 10))
    assert not follower.on_frame(snap([a], 11, crc=1))

    assert counters == Counters(recoveries=1, snapshots=2, gaps=1, diverged=1)
