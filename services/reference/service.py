"""The program `reference`: previous closes of the whole market, from the vendor's REST API into KV.

One call gives the bars of a whole market day, so nothing is asked per symbol, and nothing in the
path of the tape. Which day was the one before, the vendor's own answers say: days without bars
(week-ends, holidays, unscheduled closures) are empty.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from secrets import SystemRandom

from massive import RESTClient
from massive.exceptions import AuthError, BadResponse
from urllib3.exceptions import HTTPError

from mesh import clock, topology
from mesh.backoff import delays_s
from mesh.calendar import day_at
from mesh.config import Settings
from mesh.connection import open_connection
from mesh.errors import BrokerError, MeshError, SettingsError
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from schemas.naming import Bucket, previous_closes_key
from schemas.reference import PreviousCloses
from schemas.wire import DecodeError, Wire, encode_json, json_decoder


_LOOK_BACK_DAYS = 10
"""The longest closure of the exchange since 1933 lasted six days (September 2001)."""
_SATURDAY = 5
_CONNECT_S = 5.0
_READ_S = 10.0
"""Both together are less than a program has for its end: a call that hangs cannot be cut short."""
_PATIENCE_S = 5.0
"""Longest that the start waits for the vendor."""


class UnavailableError(MeshError):
    """The vendor did not give what was asked for; it may later."""


class _BoardDay(Wire, frozen=True):
    trading_day: str = ""


class _Bar(Wire, frozen=True):
    T: str
    c: float | None = None


class _Answer(Wire, frozen=True):
    results: list[_Bar] | None = None


_decode_day = json_decoder(_BoardDay).decode
_decode_answer = json_decoder(_Answer).decode


class Grouped:
    """The closes of market days, from the vendor."""

    def __init__(self, settings: Settings) -> None:
        self.calls = 0
        # The client's own retries sleep in a thread that nobody can stop; ours are in `Loader.insist`.
        self._client = RESTClient(
            api_key=settings.api_key,
            base=settings.rest_url,
            retries=0,
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
        )

    async def previous_closes(self, trading_day: str) -> PreviousCloses:
        """The closes of the last day before *trading_day* that had any.

        Raises:
            UnavailableError: no answer, a refusal, or one that is not what was asked for.
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
            # Raw, because the client takes an answer that it cannot read for a day without bars.
            answer = _decode_answer(self._client.get_grouped_daily_aggs(day, raw=True).data)
        except (AuthError, BadResponse, HTTPError, DecodeError) as error:
            raise UnavailableError(f"grouped daily bars of {day}: {error}") from error
        return {bar.T: bar.c for bar in answer.results or () if bar.T and bar.c}


class Loader:
    """Puts the previous closes of days into KV, and remembers which are still wanted."""

    def __init__(self, grouped: Grouped, reference: KeyValue, lifecycle: Lifecycle) -> None:
        self.loaded: dict[str, int] = {}
        """Day → how many symbols have a previous close."""
        self.wanted: set[str] = set()
        """Days that could not be loaded yet."""
        self.tried = asyncio.Event()
        """Set when each of the first days was tried once."""
        self._grouped = grouped
        self._reference = reference
        self._lifecycle = lifecycle

    async def load(self, day: str) -> None:
        """Try once; a failure leaves the day wanted. Rows have no previous close meanwhile."""
        self.wanted.add(day)
        try:
            closes = await self._grouped.previous_closes(day)
            await self._reference.put(previous_closes_key(day), encode_json(closes))
        except (UnavailableError, BrokerError) as error:
            self._lifecycle.log.warning("reference.failed", day=day, reason=str(error))
            return
        self.wanted.discard(day)
        self.loaded[day] = len(closes.closes_usd)
        self._lifecycle.log.info("reference.loaded", day=day, symbols=self.loaded[day])

    async def insist(self, days: list[str]) -> None:
        """Load *days*; then try those that are still wanted again and again, for ever."""
        self.wanted.update(days)
        for day in days:
            await self.load(day)
        self.tried.set()
        waits = _delays()
        while True:
            await asyncio.sleep(next(waits))
            for day in sorted(self.wanted):
                await self.load(day)
            if not self.wanted:
                waits = _delays()

    async def follow(self, boards: KeyValue) -> None:
        """Load each trading day that the market turns out to have reached, for ever."""
        async for entry in boards.watch():
            day = _day_of(entry.value or b"{}")
            if day and day not in self.loaded and day not in self.wanted:
                await self.load(day)


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Load the days that were asked for, or today; then each day that the boards come to; until told to stop."""
    days = _days(settings.reference_days)
    grouped = Grouped(settings)
    async with open_connection(settings, "reference", lifecycle.log) as connection:
        await topology.keep(connection, settings.replicas)
        loader = Loader(grouped, KeyValue(connection, Bucket.REFERENCE), lifecycle)
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(loader.insist(days)),
                tasks.create_task(loader.follow(KeyValue(connection, Bucket.BOARDS))),
            ]
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await loader.tried.wait()
            lifecycle.ready(days=len(loader.loaded), symbols=max(loader.loaded.values(), default=0))
            await lifecycle.stopping.wait()
            for task in running:
                task.cancel()
    return {"days": len(loader.loaded), "missing": sorted(loader.wanted), "calls": grouped.calls}


def _days(text: str) -> list[str]:
    """The days that *text* names; today if none."""
    days = [day.strip() for day in text.split(",") if day.strip()]
    strange = [day for day in days if not _is_day(day)]
    if strange:
        raise SettingsError(
            [f"MESH_REFERENCE_DAYS must be ISO dates (2024-10-02), was {', '.join(strange)}"]
        )
    return days or [_today()]


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _day_of(board: bytes) -> str:
    """The trading day of a board; empty if it is none of ours."""
    try:
        day = _decode_day(board).trading_day
    except DecodeError:
        return ""
    return day if _is_day(day) else ""


def _today() -> str:
    return day_at(int(clock.now_ms())).name


def _delays() -> Iterator[float]:
    return delays_s(2.0, 60.0, SystemRandom().random)
