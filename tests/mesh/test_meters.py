"""Values as they are read and shown: whatever a program counts in plain numbers."""

import pytest

from mesh.instruments import INSTRUMENTS, LATENCY_S, Kind
from mesh.meters import Distribution, Meters, exposition
from tests.mesh.exposed import read


def test_value_is_shown_by_its_names_and_attributes() -> None:
    """A number is one value; a mapping is one for each value of the attribute, or for each tuple of several."""
    meters = Meters()
    meters.add(lambda: {"tape.rejected": 3, "tape.published": {"bars": 7, "trades": 0}})
    meters.add(lambda: {"control.actions": {("sign-in", "refused"): 2}, "program.ready": True})
    shown = read(exposition(meters).decode())

    assert shown.of("tape_rejected_total") == 3
    assert shown.of("tape_published_total", **{"class": "bars"}) == 7
    assert shown.of("control_actions_total", action="sign-in", verdict="refused") == 2
    assert shown.of("program_ready") == 1
    assert len(shown.values) == 5


def test_value_is_read_when_somebody_asks() -> None:
    """What is counted between two looks is seen at the second one, without being told."""
    counted, meters = [0], Meters()
    meters.add(lambda: {"tape.rejected": counted[0]})
    before = read(exposition(meters).decode()).of("tape_rejected_total")
    counted[0] += 5

    assert (before, read(exposition(meters).decode()).of("tape_rejected_total")) == (0, 5)


def test_what_is_not_declared_is_a_mistake() -> None:
    """A misspelt name, or an attribute too many, ends in an error and not in a series of its own."""
    misspelt, overloaded = Meters(), Meters()
    misspelt.add(lambda: {"tape.recieved": 1})
    overloaded.add(lambda: {"tape.published": {("bars", "3"): 1}})

    with pytest.raises(KeyError):
        exposition(misspelt)
    with pytest.raises(ValueError, match="zip"):
        exposition(overloaded)
    with pytest.raises(KeyError):
        Meters().distribution("latency.recieved")


def test_label_may_hold_anything() -> None:
    """Quotes, backslashes and ends of lines in a label do not break what is shown."""
    meters = Meters()
    meters.add(lambda: {"program.lost": {'a "b" \\ c\nd': 1}})

    assert 'reason="a \\"b\\" \\\\ c\\nd"' in exposition(meters).decode()
    assert len(exposition(meters).splitlines()) == 3


def test_durations_are_counted_in_buckets() -> None:
    """A duration is in the first bucket that is not below it and in all after it; what is negative counts as nothing."""
    meters = Meters()
    lag = meters.distribution("loop.lag")
    for seconds in (-1.0, 0.0005, 0.0006, 99.0):
        lag.record(seconds)
    shown = read(exposition(meters).decode())
    counts = [
        each.value for each in shown.values if each.name == "tickmesh_loop_lag_seconds_bucket"
    ]

    assert counts == [2, 3, *[3] * (len(LATENCY_S) - 2), 4]
    assert shown.of("loop_lag_seconds_count") == 4
    assert shown.of("loop_lag_seconds_sum") == pytest.approx(99.0011)


def test_durations_are_recorded_elsewhere_too() -> None:
    """Whoever mirrors what is recorded hears all of it, of histograms from before and from after."""
    meters, heard = Meters(), list[tuple[str, float]]()
    early = meters.distribution("loop.lag")
    meters.mirror(lambda instrument: lambda seconds: heard.append((instrument.short, seconds)))
    early.record(1.0)
    meters.distribution("latency.processed").record(2.0)

    assert heard == [("loop.lag", 1.0), ("latency.processed", 2.0)]
    assert isinstance(meters.distribution("loop.lag"), Distribution)


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.short)
def test_names_follow_the_guides(instrument: object) -> None:
    """Names of Prometheus have base units, and `_total` if and only if they count; durations are in seconds."""
    [found] = [each for each in INSTRUMENTS if each is instrument]

    assert found.prometheus.endswith("_total") == (found.kind is Kind.COUNTER)
    assert found.prometheus.replace("_total", "").endswith("_seconds") == (found.unit == "s")
    assert found.kind is not Kind.HISTOGRAM or found.unit == "s"
    assert found.programs
