"""How the process itself is: CPU, memory, and how late its event loop is."""

import asyncio
import os
import resource
from pathlib import Path

from mesh import clock
from mesh.meters import Distribution, Readings


_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LOOK_S = 0.5
_BEGAN_S = clock.now_ms() / 1000


def readings() -> Readings:
    """The values of now. Memory is left out where the system does not say."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    found: dict[str, float] = {
        "process.cpu": used.ru_utime + used.ru_stime,
        "process.start_timestamp": _BEGAN_S,
    }
    if _STATM.exists():
        found["process.memory"] = int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    return found


async def watch(lag: Distribution) -> None:
    """Record how late the event loop is, for ever."""
    while True:
        due_s = clock.monotonic_s() + _LOOK_S
        await asyncio.sleep(_LOOK_S)
        lag.record(clock.monotonic_s() - due_s)
