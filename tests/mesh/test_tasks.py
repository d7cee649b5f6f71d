"""Work that is given up, whatever it makes of that."""

import asyncio

import pytest

from mesh.tasks import within


async def test_work_in_time_gives_its_result() -> None:
    """What it returns is returned, and what it raises is raised."""

    async def fails() -> None:
        raise ValueError("broken")

    assert await within(5.0, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ValueError, match="broken"):
        await within(5.0, fails())


async def test_work_that_swallows_its_cancellation_ends_all_the_same() -> None:
    """It is told again until it has ended, and then it is late."""
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    with pytest.raises(TimeoutError):
        await within(0.01, stubborn())
    assert swallowed == 3


async def test_whoever_waits_may_be_cancelled() -> None:
    """Then the work ends too, before anything else goes on."""
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.get_running_loop().create_task(within(60.0, work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})

    assert waiting.cancelled()
    assert ended.is_set()
