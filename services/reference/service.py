"""The program `reference`: previous closes of the whole market, from the vendor's REST API into KV.

One call gives the bars of a whole market day, so nothing is asked per symbol, and nothing in the
path of the tape. Which day was the one before, the vendor's own answers say: days without bars
(week-ends, holidays, unscheduled closures) are empty.
"""

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from secrets import SystemRandom

from massive import RESTClient
from massive.exceptions import AuthError, BadResponse
from urllib3.exceptions import HTTPError

from mesh import clock, topology
from mesh.backoff import delays_s
from mesh.calendar import day_at
from mesh.config import Settings
from mesh.connection import Connection, open_connection
from mesh.errors import FeedRefusedError
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from schemas.naming import Bucket, previous_closes_key
from schemas.reference import PreviousCloses
from schemas.wire import Wire, encode_json, json_decoder


_LOOK_BACK_DAYS = 10
"""The longest closure of the exchange since 1933 lasted six days (September 2001)."""
_SATURDAY = 5


class _BoardDay(Wire, frozen=True):
    trading_day: str = ""


_decode_day = json_decoder(_BoardDay).decode


class Grouped:
    """The closes of market days, from the vendor."""

    def __init__(self, settings: Settings) -> None:
        self.calls = 0
        self._client = RESTClient(api_key=settings.api_key, base=settings.rest_url)

    async def previous_closes(self, trading_day: str) -> PreviousCloses:
        """The closes of the last day before *trading_day* that had any.

        Raises:
            FeedRefusedError: the vendor refuses the key.
            HTTPError: no answer, or not one that can be read, after the client's own retries.
        """
        day = date.fromisoformat(trading_day)
        for _ in range(_LOOK_BACK_DAYS):
            day -= timedelta(days=1)
            if day.weekday() >= _SATURDAY:
                continue
            closes = await asyncio.to_thread(self._closes, day.isoformat())
            if closes:
                return PreviousCloses(trading_day, day.isoformat(), closes)
        return PreviousCloses(trading_day, None, {})

    def _closes(self, day: str) -> dict[str, float]:
        self.calls += 1
        try:
            bars = self._client.get_grouped_daily_aggs(day)
        except AuthError as error:
            raise FeedRefusedError(
                f"the REST API refused the key: {error}; check MASSIVE_API_KEY"
            ) from error
        except BadResponse as error:
            raise HTTPError(f"grouped daily bars of {day}: {error}") from error
        return {bar.ticker: float(bar.close) for bar in bars or () if bar.ticker and bar.close}


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Load the days that were asked for, or today; then each day that the boards come to; until told to stop."""
    days = [day.strip() for day in settings.reference_days.split(",") if day.strip()]
    grouped = Grouped(settings)
    async with open_connection(settings, "reference", lifecycle.log) as connection:
        await topology.keep(connection)
        reference = KeyValue(connection, Bucket.REFERENCE)
        loaded = {
            day: await _load(grouped, reference, day, lifecycle) for day in days or [_today()]
        }
        lifecycle.ready(days=len(loaded), symbols=max(loaded.values()))
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(
                _follow(connection, grouped, reference, loaded, lifecycle)
            )
            await lifecycle.stopping.wait()
            following.cancel()
    return {"days": len(loaded), "calls": grouped.calls}


async def _follow(
    connection: Connection,
    grouped: Grouped,
    reference: KeyValue,
    loaded: dict[str, int],
    lifecycle: Lifecycle,
) -> None:
    """Load each trading day that the market turns out to have reached."""
    async for entry in KeyValue(connection, Bucket.BOARDS).watch():
        day = _decode_day(entry.value or b"{}").trading_day
        if day and day not in loaded:
            loaded[day] = await _load(grouped, reference, day, lifecycle)
            lifecycle.log.info("reference.loaded", day=day, symbols=loaded[day])


def _today() -> str:
    return day_at(int(clock.now_ms())).name


async def _load(grouped: Grouped, reference: KeyValue, day: str, lifecycle: Lifecycle) -> int:
    """Put the previous closes of *day*, however often it takes; how many symbols have one."""
    for delay_s in _delays():
        try:
            closes = await grouped.previous_closes(day)
        except (HTTPError, OSError) as error:
            lifecycle.log.warning(
                "reference.failed", day=day, reason=str(error), again_in_s=round(delay_s, 1)
            )
            if not await lifecycle.pause(delay_s):
                break
            continue
        await reference.put(previous_closes_key(day), encode_json(closes))
        return len(closes.closes_usd)
    return 0


def _delays() -> Iterator[float]:
    return delays_s(1.0, 60.0, SystemRandom().random)
