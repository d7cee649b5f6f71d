"""The program, and its REST API asked by the vendor's own client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from massive import RESTClient
from massive.exceptions import BadResponse

from mesh.errors import FatalError
from mesh.lifecycle import Counters, Lifecycle
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import eventually
from services.simulator.service import bound, serve
from tests.services.simulator.listening import KEY, listening


class Announced(Lifecycle):
    """A lifecycle that keeps what the program announced and returned."""

    def __init__(self) -> None:
        super().__init__(set_up("test", "error"))
        self.facts: dict[str, Any] = {}
        self.counters: Counters = {}

    def ready(self, **facts: Any) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Keep the facts."""
        self.facts = facts

    @property
    def port(self) -> int:
        """Of the feed."""
        return int(self.facts["feed"].removesuffix("/stocks").rpartition(":")[2])


@asynccontextmanager
async def running(**chosen: Any) -> AsyncIterator[Announced]:
    """The program with these settings, on free ports, told to stop at the end of the context."""
    lifecycle = Announced()

    async def program() -> None:
        settings = Settings(sim_port=0, sim_rest_port=0, **chosen)
        lifecycle.counters = await serve(settings, lifecycle)

    async with asyncio.TaskGroup() as group:
        group.create_task(program())
        await eventually(lambda: lifecycle.facts)
        yield lifecycle
        lifecycle.stopping.set()


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Three trades and the bars of their day and the day before."""
    header = "ticker,volume,open,close,high,low,window_start,transactions\n"
    rows = "BRK.B,1000.5,10,11,12.5,9,1727755200000000000,\nF,5,1,2,3,0.5,1727755200000000000,\n"
    (tmp_path / "day.csv").write_text(header + rows)
    trades = [f'{{"ev":"T","sym":"F","t":{1727875800000 + n},"q":{n}}}' for n in range(3)]
    (tmp_path / "trades.jsonl").write_text("\n".join(trades))
    return tmp_path


async def _grouped(lifecycle: Announced, day: str, key: str = KEY, *, raw: bool = False) -> Any:
    client = RESTClient(api_key=key, base=lifecycle.facts["rest"], retries=0)
    return await asyncio.to_thread(client.get_grouped_daily_aggs, day, raw=raw)


async def test_tape_is_served_and_counted(tape: Path) -> None:
    """The program announces where it listens, plays its tape and returns what it sent."""
    async with (
        running(sim_tape=str(tape), sim_speed="max") as simulator,
        listening(simulator.port, "T.*") as heard,
    ):
        await heard.until_status("end_of_tape")

    assert heard.sequences() == [0, 1, 2]
    assert simulator.facts["source"] == f"tape {tape.name}"
    assert simulator.counters == {"events": {"T": 3}, "frames": 1, "connections": 1, "articles": 0}


async def test_grouped_daily_reads_day_files(tape: Path) -> None:
    """The vendor's client gets every ticker's bar of a day, and none for a day without data."""
    async with running(sim_tape=str(tape)) as simulator:
        bars = {bar.ticker: bar for bar in await _grouped(simulator, "2024-10-01")}
        without = await _grouped(simulator, "2024-10-02", raw=True)

    assert set(bars) == {"BRK.B", "F"}
    found = bars["BRK.B"]
    assert (found.open, found.high, found.low, found.close, found.volume) == (
        10, 12.5, 9, 11, 1000.5,
    )  # fmt: skip
    assert found.timestamp == 1727812800000
    assert msgspec.json.decode(without.data) == {
        "status": "OK", "adjusted": True, "queryCount": 0, "resultsCount": 0,
        "request_id": "simulator",
    }  # fmt: skip


async def test_rest_refuses_as_the_vendor_does(tape: Path) -> None:
    """A wrong or missing key and a date that is none are told so, in the vendor's shape."""
    async with running(sim_tape=str(tape)) as simulator:
        with pytest.raises(BadResponse, match=r'"status":"ERROR".*Unknown API Key'):
            await _grouped(simulator, "2024-10-01", key="wrong")
        with pytest.raises(BadResponse, match="Could not parse the date"):
            await _grouped(simulator, "yesterday")


async def test_synthetic_market_is_served(tmp_path: Path) -> None:
    """Without a tape the market plays; REST gives the closes that its first day is measured against."""
    async with (
        running(sim_symbols=100, sim_speed="60", sim_start="2026-01-05T09:30:00") as simulator,
        listening(simulator.port, "A.*") as heard,
    ):
        await eventually(lambda: len(heard.frames) > 3)
        bars = await _grouped(simulator, "2026-01-02")

    assert len(bars) == 100
    assert {event["sym"] for event in heard.events} <= {bar.ticker for bar in bars}
    assert simulator.facts["source"] == "synthetic market, seed 1"


@pytest.mark.parametrize("variable", ["MESH_SIM_PORT", "MESH_SIM_REST_PORT"])
async def test_taken_port_is_named(variable: str, tape: Path) -> None:
    """A port that is in use is a sentence with the port and the variable to change."""
    with bound(0, "") as taken:
        port = taken.getsockname()[1]
        ports = {"MESH_SIM_PORT": 0, "MESH_SIM_REST_PORT": 0, variable: port}
        settings = Settings(
            sim_port=ports["MESH_SIM_PORT"], sim_rest_port=ports["MESH_SIM_REST_PORT"],
            sim_tape=str(tape),
        )  # fmt: skip
        with pytest.raises(
            FatalError, match=f"port {port} for the simulator is taken .*{variable}"
        ):
            await serve(settings, Announced())


async def test_standing_time_is_refused(tape: Path) -> None:
    """Speed 0 would never play anything, so it is refused."""
    settings = Settings(sim_port=0, sim_rest_port=0, sim_tape=str(tape), sim_speed="0.0")

    with pytest.raises(FatalError, match="MESH_SIM_SPEED must be above 0"):
        await serve(settings, Announced())


async def test_broken_tape_ends_the_program(tape: Path) -> None:
    """A row that cannot be read, met while playing, ends the program with a sentence for a person."""
    header = "ticker,volume,open,close,high,low,window_start,transactions\n"
    row = "F,5,1,2,3,0.5,1727875800000000000,\n"
    (tape / "minutes.csv").write_text(header + row + row.replace("5", "x", 1))

    with pytest.raises(ExceptionGroup) as failure:
        async with (
            running(sim_tape=str(tape), sim_speed="max") as simulator,
            listening(simulator.port, "AM.*") as heard,
        ):
            await eventually(lambda: heard.ended)
    assert failure.group_contains(FatalError, match="not a row of minute_aggs_v1")
