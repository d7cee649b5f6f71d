"""The values of a program's instruments, read when somebody asks: programs count in plain numbers, and nothing else happens per event.

    lifecycle.meters.add(lambda: {"tape.rejected": splitter.rejected, "tape.published": {"bars": 7}})

A value is a number, or one for each value of the instrument's attribute (a tuple of them, if it has several).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from mesh.instruments import BY_NAME, LATENCY_S, Instrument


Readings = Mapping[str, float | Mapping[Any, float]]
"""Values by the short name of their instrument."""
Read = Callable[[], Readings]
Record = Callable[[float], None]


class Sample(NamedTuple):
    """One value."""

    attributes: dict[str, str]
    value: float


class Distribution:
    """How durations are spread. Recorded once a batch or a flush, never for each event."""

    __slots__ = ("_also", "counts", "sum_s")

    def __init__(self, also: Record | None = None) -> None:
        self.counts = [0] * (len(LATENCY_S) + 1)
        """Of each bucket; the last one has no upper bound."""
        self.sum_s = 0.0
        self._also = also

    def record(self, seconds: float) -> None:
        """One more. Two clocks may disagree: what is negative counts as nothing."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(LATENCY_S, seconds)] += 1
        self.sum_s += seconds
        if self._also is not None:
            self._also(seconds)


class Meters:
    """All that one process has to say in figures."""

    def __init__(self) -> None:
        self._sources: list[Read] = []
        self._distributions: dict[str, Distribution] = {}
        self._mirror: Callable[[Instrument], Record] | None = None

    def add(self, read: Read) -> None:
        """Have what *read* gives among the values; it is called from the event loop, and must not wait."""
        self._sources.append(read)

    def distribution(self, short: str) -> Distribution:
        """What durations of the histogram *short* are recorded with; KeyError if it is not declared."""
        if short not in self._distributions:
            also = None if self._mirror is None else self._mirror(BY_NAME[short])
            self._distributions[BY_NAME[short].short] = Distribution(also)
        return self._distributions[short]

    def mirror(self, make: Callable[[Instrument], Record]) -> None:
        """Have what is recorded from now on recorded elsewhere too, with what *make* makes for an instrument."""
        self._mirror = make
        for short, each in self._distributions.items():
            each._also = make(BY_NAME[short])  # noqa: SLF001 (they are ours)

    def samples(self) -> Iterator[tuple[Instrument, list[Sample]]]:
        """The value of every counter and gauge that there is one of, in no order; KeyError for one that is not declared."""
        for read in self._sources:
            for short, value in read().items():
                instrument = BY_NAME[short]
                yield instrument, _samples(instrument, value)

    def distributions(self) -> Iterator[tuple[Instrument, Distribution]]:
        """Every histogram."""
        for short, each in self._distributions.items():
            yield BY_NAME[short], each


def exposition(meters: Meters) -> bytes:
    """All values as Prometheus reads them. Source: its text format 0.0.4."""
    lines: list[str] = []
    for instrument, samples in meters.samples():
        name = instrument.prometheus
        lines += _head(instrument)
        lines += (f"{name}{_labels(each.attributes)} {each.value}" for each in samples)
    for instrument, distribution in meters.distributions():
        lines += (*_head(instrument), *_buckets(instrument.prometheus, distribution))
    return "\n".join([*lines, ""]).encode()


def _samples(instrument: Instrument, value: float | Mapping[Any, float]) -> list[Sample]:
    if not isinstance(value, Mapping):
        return [Sample({}, float(value))]
    return [
        Sample(dict(zip(instrument.attributes, _texts(key), strict=True)), float(each))
        for key, each in value.items()
    ]


def _texts(key: Any) -> tuple[str, ...]:
    return tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)


def _head(instrument: Instrument) -> tuple[str, str]:
    name = instrument.prometheus
    return f"# HELP {name} {instrument.about}", f"# TYPE {name} {instrument.kind}"


def _labels(attributes: Mapping[str, str]) -> str:
    pairs = (f'{name}="{_escaped(text)}"' for name, text in attributes.items())
    return f"{{{','.join(pairs)}}}" if attributes else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _buckets(name: str, distribution: Distribution) -> Iterator[str]:
    total = 0
    for bound, count in zip((*map(str, LATENCY_S), "+Inf"), distribution.counts, strict=True):
        total += count
        yield f'{name}_bucket{{le="{bound}"}} {total}'
    yield f"{name}_sum {distribution.sum_s}"
    yield f"{name}_count {total}"
