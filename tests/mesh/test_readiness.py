"""When a program counts as ready, and how often that is said."""

from typing import Any

import structlog

from mesh.lifecycle import Lifecycle
from mesh.readiness import condition


def _told() -> tuple[Lifecycle, list[dict[str, Any]]]:
    """A lifecycle and what it logs."""
    records: list[dict[str, Any]] = []

    def keep(_logger: Any, _level: str, record: Any) -> str:
        records.append(dict(record))
        return ""

    log = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[keep],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    return Lifecycle(log), records


def test_program_is_ready_when_it_has_said_so() -> None:
    """Before `ready` a program is starting; the facts come with it."""
    lifecycle, _ = _told()
    before = lifecycle.report()
    lifecycle.ready(port=1)
    after = lifecycle.report()

    assert (before.ready, before.reasons) == (False, {"program": "is starting"})
    assert (after.ready, after.reasons, after.facts) == (True, {}, {"port": 1})


def test_each_condition_objects_for_itself() -> None:
    """Ready is who lost no condition: one that is met again says nothing of another."""
    lifecycle, _ = _told()
    lifecycle.ready()
    broker, feed = lifecycle.condition("broker"), lifecycle.condition("feed")
    broker.lost("is away")
    feed.lost("is silent")
    broker.met()
    one = lifecycle.report().reasons
    feed.met()

    assert one == {"feed": "is silent"}
    assert lifecycle.report().ready


def test_condition_lost_before_the_start_is_over_counts() -> None:
    """A program that says that it is ready while its broker is away is not."""
    lifecycle, records = _told()
    broker = lifecycle.condition("broker")
    broker.lost("is away")
    lifecycle.ready(port=1)
    early = lifecycle.report().reasons
    broker.met()

    assert early == {"broker": "is away"}
    assert records[-1] == {"event": "service.ready", "port": 1}


def test_each_change_is_said_once() -> None:
    """What is repeated is not logged again; a return to readiness repeats the facts."""
    lifecycle, records = _told()
    lifecycle.ready(port=1)
    broker = lifecycle.condition("broker")
    for _ in range(3):
        broker.lost("is away")
    for _ in range(3):
        broker.met()
    lifecycle.unready("has no partition")
    lifecycle.ready(port=1)

    ready = {"event": "service.ready", "port": 1}
    assert records == [
        ready,
        {"event": "service.unready", "broker": "is away"},
        ready,
        {"event": "service.unready", "program": "has no partition"},
        ready,
    ]


def test_draining_program_is_not_ready() -> None:
    """Who is told to stop gets no new work, without a word in the log."""
    lifecycle, records = _told()
    lifecycle.ready()
    lifecycle.stopping.set()

    assert lifecycle.report().reasons == {"program": "is stopping"}
    assert len(records) == 1


def test_condition_outside_a_program_is_without_effect() -> None:
    """A command that opens a connection has nobody to tell."""
    nobodys = condition("broker")
    nobodys.lost("is away")
    nobodys.met()
