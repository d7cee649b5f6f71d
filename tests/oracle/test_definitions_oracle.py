"""Cases in which the product once differed from its own definitions; the queries follow these."""

from datetime import date, time

import pytest

from tests.oracle.generated import Event, epoch_ms
from tests.oracle.oracle import CONDITIONS
from tests.oracle.played import wrong


pytestmark = pytest.mark.skipif(
    not CONDITIONS.is_file(),
    reason="the vendor's trade conditions are not beside the repository (../shared/data)",
)

DAY = date(2024, 11, 4)


def _trade(place: int, at: time, usd: float, shares: int, *conditions: int) -> Event:
    told = {"ev": "T", "sym": "AAA", "t": epoch_ms(DAY, at), "q": place}
    return told | {"p": usd, "s": shares, "c": conditions}


def _bar(day: date, at: time, volume: int, **more: float) -> Event:
    start_ms = epoch_ms(day, at)
    told = {"ev": "AM", "sym": "AAA", "s": start_ms, "e": start_ms + 60_000, "av": volume}
    return told | {"o": 10.0, "h": 10.0, "l": 10.0, "c": 10.0, "v": 100} | more


def test_spike_needs_a_second_that_keeps_the_pace() -> None:
    """A hundred shares make no volume spike, though a run ends with them and the minute is a busy one."""
    quiet = [_trade(n, time(10, n), 20.0, 100) for n in range(20)]
    busy = [_trade(20 + n, time(10, 30, n), 20.0, 500 if n < 10 else 160) for n in range(50)]
    run = [_trade(80, time(10, 30, 55), 21.0, 100), _trade(81, time(10, 30, 56), 21.0, 100)]

    assert wrong([*quiet, *busy, *run], {}) == []


def test_session_vwap_is_unknown_without_the_total_before_it() -> None:
    """Without the VWAP of the day before the session there is no difference of totals, hence no VWAP of the session."""
    before = _bar(DAY, time(9, 29), 1000)
    first = _bar(DAY, time(9, 30), 1100, a=10.0)

    assert wrong([before, first], {}) == []


def test_price_of_a_second_is_of_its_end() -> None:
    """A corrected close that comes later is not the price of a minute before it."""
    trades = [
        _trade(1, time(16, 0), 10.0, 100),
        _trade(2, time(16, 1, 30), 12.0, 100, 38),
        _trade(3, time(16, 2, 30), 11.0, 100),
    ]

    assert wrong(trades, {}) == []


def test_alert_is_of_the_day_of_its_trade() -> None:
    """A bar of the next day that is ahead of a trade does not change the day of the trade's alert."""
    ahead = _bar(date(2024, 11, 5), time(4), 100)
    trades = [_trade(1, time(19, 58), 10.0, 100), _trade(2, time(19, 59), 11.0, 100)]

    assert wrong([trades[0], ahead, trades[1]], {}) == []
