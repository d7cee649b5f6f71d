"""CPU time and memory of processes, CPU time of stages, and percentiles."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
"""Places in /proc/PID/stat after the command's closing parenthesis. Source: proc(5)."""
_KB_A_MB = 1024


def cpu_s(pid: int) -> float:
    """CPU seconds (user and system, all threads) that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_A_SECOND


def rss_mb(pid: int) -> float:
    """Memory of a process that is resident now, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / _KB_A_MB


def by_program(by_process: dict[str, float]) -> dict[str, float]:
    """Figures of processes summed by program: `processors-2` is another process of `processors`."""
    sums: dict[str, float] = defaultdict(float)
    for name, figure in by_process.items():
        program, _, number = name.rpartition("-")
        sums[program if number.isdecimal() else name] += figure
    return dict(sums)


class Stopwatch:
    """CPU time of this process, by stage of its work. Not thread-safe; stages do not nest."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what is done in the context as *name*; an exception ends the measurement."""
        began_s = time.process_time()
        yield
        self.cpu_s[name] += time.process_time() - began_s

    @property
    def total_s(self) -> float:
        """All stages together."""
        return sum(self.cpu_s.values())

    def us_per_event(self, events: int) -> dict[str, float]:
        """The cost of an event in each stage, and in all, in microseconds."""
        costs = {**self.cpu_s, "all": self.total_s}
        return {name: round(seconds * 1e6 / events, 3) for name, seconds in costs.items()}


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest of *values* that at least *percent* of them do not exceed; None of none."""
    if not values:
        return None
    place = max(0, -(-len(values) * percent // 100) - 1)
    return sorted(values)[int(place)]
