"""What all clients of a load measured together."""

from array import array
from collections import Counter

from services.bench.measure import percentile


class Tally:
    """Counts and latencies. `begin` starts the measurement; what is of the whole run counts from the first connection."""

    def __init__(self) -> None:
        self.is_measuring = False
        self.latencies_ms = array("d")
        """Of deltas while measuring: from the publishing to the arrival of the frame's last byte."""
        self.newest_ms = 0.0
        """When the newest delta arrived."""
        self.delivered = 0
        """Deltas and snaps that arrived while measuring."""
        self.deltas = 0
        self.delta_bytes = 0
        self.plain_deltas = 0
        """Those of the view that is the whole board."""
        self.plain_delta_bytes = 0

        self.snapshots = 0
        """Snaps of the whole run, the first one of each client too."""
        self.recoveries = 0
        """Connections that went on from where the one before had ended, without a snap."""
        self.gaps = 0
        """Deltas for a client at another position; each time it subscribed again."""
        self.lagged = 0
        """`lag` frames that ask for patience: those that end it do not count."""
        self.checked = 0
        """Checksums that were compared, one witness for each view."""
        self.diverged = 0
        """Those that were not that of the table that the frames before had made."""
        self.closed: Counter[str] = Counter()
        """Connections that ended unasked, by code, by HTTP status, or `lost` without either."""
        self.repelled: Counter[str] = Counter()
        """The same of hostile clients."""
        self.errors: Counter[str] = Counter()
        """What the service refused."""

    def on_snap(self) -> None:
        """A snap has arrived."""
        self.snapshots += 1
        self.delivered += self.is_measuring

    def on_delta(
        self, length: int, received_ms: float, arrived_ms: float, *, is_plain: bool
    ) -> None:
        """A delta of *length* bytes has arrived where it follows on; *received_ms* is 0 if that is not known."""
        self.newest_ms = arrived_ms
        if not self.is_measuring:
            return
        self.delivered += 1
        self.deltas += 1
        self.delta_bytes += length
        if is_plain:
            self.plain_deltas += 1
            self.plain_delta_bytes += length
        if received_ms:
            self.latencies_ms.append(arrived_ms - received_ms)

    def latency_ms(self, percent: float) -> float | None:
        """The latency that *percent* of the deltas did not exceed; None without any."""
        found = percentile(self.latencies_ms, percent)
        return None if found is None else round(found, 2)


def ratio(part: float, whole: float | None) -> float | None:
    """*part* / *whole*, for people; None if there is no whole."""
    return float(f"{part / whole:.4g}") if whole else None
