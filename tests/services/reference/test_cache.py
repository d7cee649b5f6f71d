"""What is remembered of the vendor's answers: three states with an age each, in so many bytes."""

import asyncio

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from services.reference.asking import Asking
from services.reference.cache import Ages, Cache
from services.reference.vendor import RefusedError, UnavailableError


AGES = Ages(value_s=100, absent_s=10, failed_s=1, stale_s=50)
LOG = structlog.get_logger()


def test_each_state_has_its_own_age() -> None:
    """A value is good longest, then that there is none, then a failure."""
    cache = Cache[str](10_000)
    cache.put("value", "x", 1, AGES, 0.0)
    cache.put("absent", None, 0, AGES, 0.0)
    cache.fail("failed", "why", AGES, 0.0)
    states = [
        [entry.state for key in ("value", "absent", "failed") if (entry := cache.get(key, now_ms))]
        for now_ms in (999.0, 1_000.0, 9_999.0, 10_000.0, 99_999.0, 100_000.0)
    ]

    assert states == [
        ["value", "absent", "failed"], ["value", "absent"], ["value", "absent"], ["value"], ["value"], [],
    ]  # fmt: skip


def test_failure_leaves_an_older_value_in_its_place() -> None:
    """It is told with its own age and asked for again soon, but not for ever; what was absent makes room for the failure."""
    cache = Cache[str](10_000)
    cache.put("a", "x", 1, AGES, 0.0)
    cache.put("b", None, 0, AGES, 0.0)
    kept = cache.fail("a", "why", AGES, 120_000.0)

    assert (kept.state, kept.value, kept.asof_ms, kept.until_ms) == ("value", "x", 0.0, 121_000.0)
    assert cache.get("a", 121_000.0) is None
    assert cache.fail("a", "why", AGES, 150_000.0).state == "failed"
    assert cache.fail("b", "why", AGES, 20_000.0).message == "why"
    cache.put("c", "x", 1, AGES, 0.0)
    assert cache.fail("c", "why", AGES._replace(stale_s=0), 1.0).state == "failed"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4_000)), max_size=60))
def test_cache_is_bounded(puts: list[tuple[int, int]]) -> None:
    """Whatever is put, no more bytes are held than may be, and the last is there unless it is larger than all."""
    cache = Cache[int](5_000)
    for key, size_bytes in puts:
        cache.put(key, key, size_bytes, AGES, 0.0)

        assert 0 <= cache.size_bytes <= 5_000
        assert cache.get(key, 0.0) is not None
    cache.put("large", 1, 6_000, AGES, 0.0)
    assert cache.get("large", 0.0) is None


def test_what_nobody_asks_for_makes_room() -> None:
    """Of two that are held, the one that was asked for stays."""
    cache = Cache[str](2_200)
    cache.put("a", "x", 500, AGES, 0.0)
    cache.put("b", "x", 500, AGES, 0.0)
    cache.get("a", 0.0)
    cache.put("c", "x", 500, AGES, 0.0)

    assert cache.get("a", 0.0)
    assert cache.get("b", 0.0) is None
    assert len(cache) == 2


async def test_who_waits_may_go() -> None:
    """A question goes on for the others when the one who asked first has gone, and what is refused is not asked soon again."""
    begun, told = asyncio.Event(), asyncio.Event()
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        begun.set()
        await told.wait()
        return "x"

    async def refuse() -> str:
        raise RefusedError("the plan does not include it")

    async def fail() -> str:
        raise UnavailableError("it is away")

    async with asyncio.TaskGroup() as tasks:
        asking = Asking[str](tasks, 10_000, len, LOG)
        first = tasks.create_task(asking.of("a", AGES, ask))
        second = tasks.create_task(asking.of("a", AGES, ask))
        await begun.wait()
        first.cancel()
        told.set()
        found = await second
        refused = await asking.of("b", AGES, refuse)
        failed = await asking.of("c", AGES, fail)

    assert (found.value, asked) == ("x", 1)
    assert refused.until_ms - refused.asof_ms > 100_000
    assert failed.until_ms - failed.asof_ms == pytest.approx(1_000)
