"""CPU time of processes, and percentiles."""

import os
from collections.abc import Sequence
from pathlib import Path


_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
"""Places in /proc/PID/stat after the command's closing parenthesis. Source: proc(5)."""


def cpu_s(pid: int) -> float:
    """CPU seconds (user and system, all threads) that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_A_SECOND


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest of *values* that at least *percent* of them do not exceed; None of none."""
    if not values:
        return None
    place = max(0, -(-len(values) * percent // 100) - 1)
    return sorted(values)[int(place)]
