"""The queries read a tape in its order, however long it is."""

from datetime import date, time
from pathlib import Path

import msgspec
import pytest

from tests.oracle.generated import epoch_ms
from tests.oracle.oracle import CONDITIONS, Oracle


pytestmark = pytest.mark.skipif(
    not CONDITIONS.is_file(),
    reason="the vendor's trade conditions are not beside the repository (../shared/data)",
)

TRADES = 40_000
LINE_BYTES = 1023
"""32 lines lie between the last full vector of DuckDB's first buffer, which has 32 MiB, and its end: too few
for a vector of their own, so a join keeps them back."""


def test_long_tape_is_read_in_order(tmp_path: Path) -> None:
    """Trades at the end of a reader's buffer are not taken for the last of the tape, which would make them late."""
    begin_ms = epoch_ms(date(2024, 11, 4), time(10))
    tape = tmp_path / "long.jsonl"
    with tape.open("wb") as file:
        for place in range(TRADES):
            told = {"ev": "T", "sym": "AAA", "t": begin_ms + place, "q": place, "p": 10.0, "s": 100}
            file.write(msgspec.json.encode(told).ljust(LINE_BYTES - 1) + b"\n")

    (row,) = Oracle([tape]).rows()

    assert row["trades"] == TRADES
