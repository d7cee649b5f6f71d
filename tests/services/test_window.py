"""The window of a lossless feed, against a model that keeps every batch in a plain list."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from schemas.market import OwnerPositions, Position
from schemas.naming import MarketClass
from services.listener.window import Sent, Window


EPOCH = 7
PATIENCE_S = 3.0

classes = st.sampled_from([MarketClass.BARS, MarketClass.TRADES])
partitions = st.integers(0, 2)
steps = st.lists(
    st.tuples(st.just("add"), partitions, classes, st.integers(1, 9))
    | st.tuples(
        st.just("report"),
        partitions,
        st.sampled_from(["a", "b"]),
        st.dictionaries(classes, st.tuples(st.sampled_from([EPOCH - 1, EPOCH]), st.integers(0, 6))),
    )
    | st.tuples(st.just("wait"), st.sampled_from([0.0, 1.0, 2.0, 4.0])),
    max_size=40,
)


class _Model:
    """What the window promises, said in the plainest way."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.owners: dict[int, str] = {}
        self.moved_s: dict[int, float] = defaultdict(float)

    def of(self, partition: int) -> list[Sent]:
        return [sent for sent in self.sent if sent.partition == partition]

    def add(self, sent: Sent, now_s: float) -> None:
        if not self.of(sent.partition):
            self.moved_s[sent.partition] = now_s
        self.sent.append(sent)

    def report(self, report: OwnerPositions, now_s: float) -> list[Sent]:
        def is_covered(sent: Sent) -> bool:
            position = report.positions.get(sent.market_class)
            return (
                sent.partition == report.partition
                and position is not None
                and position.epoch == EPOCH
                and sent.number <= position.number
            )

        kept = [sent for sent in self.sent if not is_covered(sent)]
        is_new = self.owners.get(report.partition, report.owner) != report.owner
        if is_new or len(kept) < len(self.sent):
            self.moved_s[report.partition] = now_s
        self.sent, self.owners[report.partition] = kept, report.owner
        return self.of(report.partition) if is_new else []

    def overdue(self, now_s: float) -> list[Sent]:
        late = [partition for partition in range(3) if now_s - self.moved_s[partition] > PATIENCE_S]
        for partition in late:
            self.moved_s[partition] = now_s
        return [sent for partition in late for sent in self.of(partition)]


def _same(found: list[Sent], expected: list[Sent]) -> bool:
    """The same batches, and those of one class and partition in the same order."""
    lanes: dict[tuple[MarketClass, int], list[int]] = defaultdict(list)
    for sent in found:
        lanes[sent.market_class, sent.partition].append(sent.number)
    return sorted(map(astuple, found)) == sorted(map(astuple, expected)) and all(
        numbers == sorted(numbers) for numbers in lanes.values()
    )


def _sent(numbers: dict[tuple[MarketClass, int], int], market_class: MarketClass, partition: int, events: int) -> Sent:  # fmt: skip
    number = numbers[market_class, partition]
    numbers[market_class, partition] += 1
    return Sent(market_class, partition, number, events, b"%d" % number)


@given(steps)
def test_window_holds_exactly_what_no_checkpoint_covers(
    script: list[tuple[object, ...]],
) -> None:
    """Whatever happens, nothing uncovered is forgotten, and the count of events is exact."""
    window, model, now_s = Window(EPOCH, PATIENCE_S), _Model(), 0.0
    numbers: dict[tuple[MarketClass, int], int] = defaultdict(int)
    for step in script:
        match step:
            case ("add", int(partition), MarketClass() as market_class, int(events)):
                sent = _sent(numbers, market_class, partition, events)
                window.add(sent, now_s)
                model.add(sent, now_s)
            case ("report", int(partition), str(owner), dict(covered)):
                positions = {
                    str(name): Position(place[0], place[1], 0) for name, place in covered.items()
                }
                report = OwnerPositions(partition, owner, positions)
                assert _same(window.on_report(report, now_s), model.report(report, now_s))
            case ("wait", float(seconds)):
                now_s += seconds
                assert _same(window.overdue(now_s), model.overdue(now_s))
            case _:
                raise AssertionError(step)
        assert window.events == sum(sent.events for sent in model.sent)


def _window(*sent: Sent) -> Window:
    window = Window(EPOCH, PATIENCE_S)
    for each in sent:
        window.add(each, 0.0)
    return window


def _batches(count: int) -> list[Sent]:
    return [Sent(MarketClass.BARS, 0, number, 10, b"") for number in range(count)]


def test_new_owner_gets_everything_uncovered_again() -> None:
    """Another name in a report means that what the one before had not saved is lost, so all of it is sent again."""
    batches = _batches(4)
    window = _window(*batches)

    assert window.on_report(OwnerPositions(0, "a", {"bars": Position(EPOCH, 0, 0)}), 1.0) == []
    assert (
        window.on_report(OwnerPositions(0, "b", {"bars": Position(EPOCH, 0, 0)}), 2.0)
        == batches[1:]
    )
    assert window.on_report(OwnerPositions(0, "b", {}), 2.1) == []
    assert window.events == 30


def test_coverage_of_another_producer_frees_nothing() -> None:
    """A checkpoint that holds the numbers of a former listener says nothing about ours."""
    window = _window(*_batches(2))

    window.on_report(OwnerPositions(0, "a", {"bars": Position(EPOCH - 1, 99, 0)}), 1.0)

    assert window.events == 20


def test_progress_postpones_the_next_try() -> None:
    """A partition that moves is not sent again; one that does not is, once for each span of patience."""
    batches = _batches(3)
    window = _window(*batches)
    window.on_report(OwnerPositions(0, "a", {"bars": Position(EPOCH, 0, 0)}), 2.0)

    assert window.overdue(5.0) == []
    assert window.overdue(5.1) == batches[1:]
    assert window.overdue(8.0) == []
    assert window.overdue(8.2) == batches[1:]


def test_empty_window_is_never_overdue() -> None:
    """With everything covered there is nothing to send, however long nothing happens."""
    window = _window(*_batches(3))
    window.on_report(OwnerPositions(0, "a", {"bars": Position(EPOCH, 2, 0)}), 1.0)

    assert window.events == 0
    assert window.overdue(1000.0) == []
