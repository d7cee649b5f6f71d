"""The benches print what they promise; their figures are judged by people, in RESULTS.md."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import pytest


pytestmark = [pytest.mark.bench, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(90)]


async def test_pipeline_prints_one_object_and_discards_nothing(tmp_path: Path) -> None:
    """At a modest rate every event arrives, the counts add up, and all promised figures are there."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "bench", "pipeline"),
        *("--rate", "5000", "--seconds", "5", "--symbols", "500"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()

    result = msgspec.json.decode(out)
    assert result["events"] == result["events_on_tape"] > 0
    assert (result["discarded"], result["rejected"], result["gaps"]) == (0, 0, 0)
    assert set(result["programs"]) >= {"listener", "broker", "processors", "boards"}
    for figure in ("events_per_s", "cpu_us_per_event", "p50_ms", "p99_ms", "ws_p99_ms"):
        assert result[figure] > 0
