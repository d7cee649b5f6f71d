"""Bands that run ahead of the prices that they are for, as when a tape is played fast or read again."""

import pytest

from schemas.market import Halt, Trade
from schemas.naming import MarketClass
from services.processors.rows import RowFold
from services.simulator.market import start_of
from tests.services.knowing import knowing


T0 = start_of("2026-01-05T10:00:00")
STEP_MS = 30_000
HALTS = [Halt("A", T0 + STEP_MS * n, n, 11.0 + n, 9.0 + n, (16,)) for n in range(12)]
TRADES = [
    Trade("A", T0 + STEP_MS * n + 1000, n, 10.95 + n, 100.0, (), 4, "1") for n in range(12)
]  # each within 1 % of the upper band of its time, and of no other


@pytest.mark.parametrize("at_once", [1, 2, 5, 12])
def test_price_is_held_against_the_band_of_its_time(at_once: int) -> None:
    """However many bands are known before the first price comes, the alerts are the same."""
    fold = RowFold(None, knowing({}))
    for begin in range(0, 12, at_once):
        fold.on_batch(MarketClass.HALTS, HALTS[begin : begin + at_once])
        fold.on_batch(MarketClass.TRADES, TRADES[begin : begin + at_once])
        fold.on_flush()

    near = [alert.level_usd for alert in fold.unsent.values() if alert.kind == "near-band"]
    assert near == [11.0, 21.0]  # five minutes apart
