"""The process of the service: who it is, and what it has used."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from services.bench.measure import cpu_s, rss_mb


_LISTEN = "0A"
_KB_A_MB = 1024


class Used:
    """CPU and memory of the process *pid*; None where that is not known."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid

    def cpu_s(self) -> float | None:
        """CPU seconds so far."""
        return None if self.pid is None else cpu_s(self.pid)

    def rss_kb(self) -> float | None:
        """Memory that is resident now."""
        return None if self.pid is None else rss_mb(self.pid) * _KB_A_MB


def listening_on(host: str, port: int) -> int | None:
    """The process that listens on *port* of this machine; None if *host* is another, or nobody's is known to us."""
    if not host.startswith("127."):
        return None
    inodes = _listening_sockets(port)
    for folder in Path("/proc").glob("[0-9]*"):
        if not inodes.isdisjoint(_held(folder / "fd")):
            return int(folder.name)
    return None


def _held(folder: Path) -> Iterator[str]:
    """What the file descriptors of a process stand for; nothing of a process that is somebody else's, or gone."""
    with suppress(OSError):
        for each in folder.iterdir():
            with suppress(OSError):  # closed since it was listed
                yield str(each.readlink())


def _listening_sockets(port: int) -> set[str]:
    """The sockets that listen on *port*, as their processes' file descriptors name them. Source: proc(5)."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        return set()
    lines = (line.split() for line in table.read_text().splitlines()[1:])
    return {
        f"socket:[{fields[9]}]"
        for fields in lines
        if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port
    }
