"""What is said of canaries: which of them count, and where the others stay."""

from services.control.journeys import LEGS, CanaryReport, Journey, Journeys
from services.smoke.check import Wrong
from services.smoke.way import judged


URL = "ws://widgets:8080/ws"
ROLLED_OUT_MS = 5_000


def _report(*journeys: Journey) -> CanaryReport:
    return CanaryReport("well", "", 1.0, [*journeys])


def _arrived(sent_ms: int) -> Journey:
    return Journey(sent_ms, 1.0, 2.0, 3.0, 4.0)


def test_canary_of_before_the_rollout_proves_nothing() -> None:
    """It came through old processes; the one after it is awaited at the end of the way."""
    said = judged(_report(_arrived(4_000), Journey(6_000, 1.0)), URL, ROLLED_OUT_MS)

    assert isinstance(said, Wrong)
    assert "owner of its partition" in said.found
    assert judged(_report(_arrived(4_000), _arrived(6_000)), URL, ROLLED_OUT_MS) == (
        "tape 1 ms, row 2 ms, KV 3 ms, WebSocket 4 ms"
    )


def test_without_a_canary_nothing_was_stored() -> None:
    """None was sent since the rollout, as while the broker is away."""
    said = judged(_report(_arrived(4_000)), URL, ROLLED_OUT_MS)

    assert isinstance(said, Wrong)
    assert "TAPE_CANARY" in said.found


def test_a_later_canary_tells_of_those_before() -> None:
    """Where the first one is awaited is where the way is cut."""
    journeys = Journeys(1.0)
    for sent_ms in (6_000, 7_000):
        journeys.send(sent_ms, sent_ms / 1000)
    for leg in LEGS[:3]:
        journeys.arrive(leg, 7_000, 7.5)
    said = judged(journeys.report(8.0), URL, ROLLED_OUT_MS)

    assert isinstance(said, Wrong)
    assert "Widget Data Service" in said.found
