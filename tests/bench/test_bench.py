"""The benches print what they promise; most figures are judged by people, in RESULTS.md.

The two that run in one process also guard a ratio, against what decoding the same bytes alone costs
in the same run: three times what it was when this was written, so that only a mistake exceeds it.
Coverage does not follow them, for it slows Python down and not the decoder, which is C.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.bench.all import HEADING, RESULTS, compared, figures
from services.bench.flags import BENCHES
from services.bench.measure import by_program


pytestmark = [pytest.mark.bench, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

PROCESSOR_RATIO, LISTENER_RATIO = 10.0, 7.5


def _untraced() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


async def _bench(folder: Path, name: str, **flags: int) -> dict[str, Any]:
    words = [word for flag, value in flags.items() for word in (f"--{flag}", str(value))]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "bench", name, *words),
        cwd=folder,
        env={**_untraced(), "PYTHONPATH": str(Path.cwd())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    result: dict[str, Any] = msgspec.json.decode(out)
    assert result["bench"] == name
    return result


async def test_pipeline_prints_one_object_and_discards_nothing(tmp_path: Path) -> None:
    """At a modest rate every event arrives, the counts add up, and all promised figures are there."""
    result = await _bench(tmp_path, "pipeline", rate=5000, seconds=5, symbols=500)

    assert result["events"] == result["events_on_tape"] > 0
    assert (result["discarded"], result["rejected"], result["gaps"]) == (0, 0, 0)
    assert set(result["programs"]) >= {"listener", "broker", "processors", "boards"}
    assert set(result["rss_mb"]) == set(result["programs"])
    assert all(figure > 0 for sizes in result["rss_mb"].values() for figure in sizes)
    assert isinstance(result["memory_growth_pct"], float)
    for figure in ("events_per_s", "cpu_us_per_event", "p50_ms", "p99_ms", "ws_p99_ms"):
        assert result[figure] > 0


async def test_processor_costs_a_bounded_multiple_of_decoding(tmp_path: Path) -> None:
    """Every bar of the market becomes a row, boards are ranked, and no stage costs what it should not."""
    result = await _bench(tmp_path, "processor", seconds=60, symbols=2000, rate=30_000)

    assert (result["events"], result["rows"], result["late"]) == (120_000, 2000, 0)
    assert min(result["flushes"], result["boards"], result["rss_mb"]) > 0
    assert set(result["stages"]) == {"decode", "fold", "rows", "table", "boards", "checkpoint"}
    assert result["events_per_s"] == pytest.approx(1e6 / result["us_per_event"], rel=0.01)
    assert 1 < result["ratio"] < PROCESSOR_RATIO, result


async def test_listener_costs_a_bounded_multiple_of_decoding(tmp_path: Path) -> None:
    """Every event of the tape leaves in a batch, none is rejected, for little more than decoding costs."""
    result = await _bench(tmp_path, "listener", seconds=1, symbols=2000)

    assert result["events"] == sum(result["classes"].values()) > 0
    assert (result["rejected"], set(result["stages"])) == (0, {"split", "encode"})
    assert result["events_per_s"] == pytest.approx(1e6 / result["us_per_event"], rel=0.01)
    assert 1 < result["ratio"] < LISTENER_RATIO, result


def test_recorded_figures_stand_beside_new_ones() -> None:
    """The table of RESULTS.md is read, and each of its figures comes with what it is now and their ratio."""
    table = f"| other | x | 1 |\n\n{HEADING}\n\n| a | b.c | 2.50 |\n| a | d | 0 |\n| a | e | 7 |\n| a | f | 2 |\n"

    recorded = list(figures(table))
    rows = list(compared({"b": {"c": 5}, "d": 3, "f": [1, 3]}, recorded))

    assert rows == [
        "| a | b.c | 5 | recorded 2.5 | × 2.00 |",
        "| a | d | 3 | recorded 0 | × – |",
        "| a | e | None | recorded 7 | × – |",
        "| a | f | 3 | recorded 2 | × 1.50 |",
    ]


def test_every_bench_has_recorded_figures() -> None:
    """What `make bench` compares covers every bench there is."""
    assert {figure.bench for figure in figures(RESULTS.read_text())} == set(BENCHES)


def test_processes_of_a_program_are_summed() -> None:
    """However many workers run, a program has one figure."""
    assert by_program({"processors": 1.0, "processors-2": 2.5, "boards": 4.0}) == {
        "processors": 3.5,
        "boards": 4.0,
    }
