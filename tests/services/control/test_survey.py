"""The health of the whole: what is found in a real mesh, and what of it needs somebody."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from services.boards.service import serve as rank
from services.control.health import Market, Survey, problems
from services.control.journeys import CanaryReport, off
from services.control.programs import Program, program_of
from services.control.streams import Consumer, Stream
from services.partitions.report import Partition, Report
from services.processors.service import serve as own_partitions
from services.widgets.service import serve as serve_widgets
from tests.services.control.operating import Operating, operating
from tests.services.listener.programs import running
from tests.services.widgets.serving import on_free_port


PATIENCE_S = 60.0
NEEDED = ("boards", "control", "listener", "processors", "reference", "widgets")


def _program(name: str, **fields: object) -> Program:
    return Program(name, f"{name}-1", **fields)  # type: ignore[arg-type]  # of the right types, below


def _stream(name: str, **fields: object) -> Stream:
    known = {"messages": 1, "bytes": 1, "max_bytes": 100, "last_sequence": 1, "last_age_s": 0.5}
    return Stream(name, **{**known, "per_s": 1.0, "consumers": 0, "leader": "", **fields})  # type: ignore[arg-type]


def _found(**fields: object) -> Survey:
    """A mesh that is well, but for *fields*."""
    known = {
        "at_ms": 1, "took_ms": 1.0, "source": "live", "broker": "2.15.1", "broker_away_s": 0.0,
        "programs": [_program(name) for name in NEEDED],
        "partitions": Report([], {}, [Partition(0, "w", True, 1.0, 1, 0.1, 1, "", 0, 0, 1, 0, 0)]),
        "partitions_problem": "", "streams": [_stream("TAPE_TRADES")], "consumers": [],
        "market": Market("2026-01-05", "regular", 1), "canary": off(""), "clients": 0,
    }  # fmt: skip
    return Survey(**{**known, **fields})  # type: ignore[arg-type]  # of the right types


def test_a_mesh_that_is_well_needs_nobody() -> None:
    """No sentence is said without a reason."""
    assert list(problems(_found(), "regular")) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"broker": "", "broker_away_s": 12.0}, "broker does not answer since 12 s"),
        ({"programs": [_program(name) for name in NEEDED[1:]]}, "no boards answers"),
        (
            {"programs": [_program("boards", silent_s=4.0), *map(_program, NEEDED[1:])]},
            "no boards answers",
        ),
        (
            {"programs": [*map(_program, NEEDED), _program("news", ready=False, reasons={"feed": "is lost"})]},
            "news (news-1) is not ready: feed is lost",
        ),
        ({"partitions": None, "partitions_problem": "no processors have run"}, "no processors have"),
        (
            {"partitions": Report([], {}, [Partition(3, "", False, None, 1, 0.1, 1, "", 0, 0, 1, 0, 0)])},
            "partition 03 has no owner",
        ),
        ({"streams": [_stream("TAPE_TRADES"), _stream("KV_rows", bytes=95)]}, "KV_rows is 95% full"),
        ({"consumers": [Consumer("TAPE_NEWS", "news", 5000, 0, 0)]}, "news is 5000 messages behind"),
        ({"discarded_lately": 7}, "7 events were discarded within the last minute"),
        ({"canary": CanaryReport("missing", "it did not arrive", 5.0, [])}, "it did not arrive"),
        ({"streams": [_stream("TAPE_TRADES", last_age_s=90.0)]}, "no event has come from the feed for 90"),
        ({"streams": []}, "no event has come from the feed yet"),
    ],
)  # fmt: skip
def test_what_needs_somebody_is_said(fields: dict[str, object], said: str) -> None:
    """One sentence for one fault, which names it."""
    [sentence] = problems(_found(**fields), "regular")

    assert said in sentence


def test_a_quiet_feed_is_right_while_the_market_is_closed_or_is_no_market() -> None:
    """Nothing comes at night, nor after the end of a recording."""
    quiet = {"streams": [_stream("TAPE_TRADES", last_age_s=90.0)]}

    assert list(problems(_found(**quiet), "closed")) == []
    assert list(problems(_found(**quiet, source="simulated"), "regular")) == []


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"name":1}', b'{"name":"a","id":"b","version":"1","endpoints":[{"name":"status","data":{"ready":7}}]}'])  # fmt: skip
def test_what_is_no_program_of_ours_is_left_out(answer: bytes) -> None:
    """Anybody may answer on the broker."""
    assert program_of(answer) is None


def test_a_service_of_somebody_else_is_shown_by_its_name() -> None:
    """It says nothing of itself beside what every NATS service does."""
    answer = b'{"name":"a","id":"b","version":"1.0.0","started":"2026-01-05T14:30:00.123456Z"}'
    found = program_of(answer)

    assert found is not None
    assert (found.name, found.instance, found.started_ms) == ("a", "b", 1_767_623_400_123)


@pytest.fixture
async def control(settings: Settings, connection: Connection) -> AsyncIterator[Operating]:
    """A control plane over a broker without programs."""
    del connection  # it has seen to the streams
    async with operating(on_free_port(settings, canary_s=0, partitions=2)) as made:
        yield made


async def _ask(control: Operating, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=control.origin, trust_env=False, timeout=30) as client:
        return await client.get(path)


@pytest.mark.broker
async def test_health_of_an_empty_mesh_says_what_is_missing(control: Operating) -> None:
    """503, and a sentence for each program that does not answer; whoever asks, and without signing in."""
    control.role = None
    answer = await _ask(control, "/v1/health")
    told = answer.json()

    assert (answer.status_code, told["status"], told["service"]) == (503, "unwell", "control")
    assert sum("answers: start" in each for each in told["reasons"]) == len(NEEDED)
    assert any("no processors have run" in each for each in told["reasons"])
    assert (await _ask(control, "/v1/operations")).status_code == 401


@pytest.mark.broker
async def test_survey_finds_programs_partitions_and_streams(settings: Settings, connection: Connection) -> None:  # fmt: skip
    """Of programs that run: their versions, who owns what, how full streams are, and a canary that arrives."""
    del connection
    own = on_free_port(settings, canary_s=1, partitions=2)
    async with (
        running(own_partitions, own),
        running(rank, own),
        running(serve_widgets, own),
        operating(own) as control,
    ):

        async def look() -> Survey:
            return msgspec.json.decode((await _ask(control, "/v1/operations")).content, type=Survey)

        def is_whole(found: Survey) -> bool:
            partitions = found.partitions.partitions if found.partitions is not None else []
            is_owned = bool(partitions) and all(each.is_alive for each in partitions)
            ready = {each.name for each in found.programs if each.ready and not each.silent_s}
            is_run = {"processors", "boards", "widgets"} <= ready
            return found.canary.state == "well" and is_owned and is_run and found.clients == 1

        found: Survey = await eventually(look, is_whole, timeout_s=PATIENCE_S)

        async def short() -> dict[str, object]:
            told: dict[str, object] = (await _ask(control, "/v1/health")).json()
            return told

        def is_well(told: dict[str, object]) -> bool:
            return (told["canary"], told["owned"], told["clients"]) == ("well", 2, 1)

        health: dict[str, object] = await eventually(short, is_well, timeout_s=PATIENCE_S)

    assert found.partitions is not None
    assert "canary" not in found.partitions.counts.folded
    assert {each.name for each in found.streams} >= {"TAPE_TRADES", "KV_rows", "ROWS"}
    assert health["canary_ms"]
    assert health["programs"] == {"boards": 1, "processors": 1, "widgets": 1}


@pytest.mark.broker
async def test_survey_of_a_broker_that_is_away_is_what_was_found_last(
    control: Operating, broker: RunningBroker
) -> None:
    """It says that the broker is away, and since when; and finds it again by itself."""
    before = (await _ask(control, "/v1/operations")).json()
    await broker.stop()

    async def look() -> dict[str, object]:
        found: dict[str, object] = (await _ask(control, "/v1/operations")).json()
        return found

    def is_away(found: dict[str, object]) -> bool:
        return not found["broker"]

    def is_back(found: dict[str, object]) -> bool:
        return bool(found["broker"])

    away: dict[str, object] = await eventually(look, is_away, timeout_s=PATIENCE_S)
    assert (away["at_ms"], away["streams"]) >= (before["at_ms"], [])
    assert "broker does not answer" in str(away["problems"])

    await broker.start()
    await eventually(look, is_back, timeout_s=PATIENCE_S)
