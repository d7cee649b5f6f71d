"""Proof of convergence: the table that a client makes of its frames has the checksums that the service says."""

from collections import deque

from mesh.feed_state import TableState
from schemas.widget import Delta, Snap
from schemas.wire import json_decoder
from services.load.tally import Tally


_decode = json_decoder(Snap | Delta).decode  # type: ignore[arg-type]  # a union is no type, and yet what is decoded


class Witness:
    """Takes every table frame of one client, and checks it later, when there is time."""

    def __init__(self, tally: Tally) -> None:
        self.waiting: deque[bytes] = deque()
        """Frames that are not yet checked, oldest first."""
        self.table = TableState()
        self._tally = tally

    def check_next(self) -> bool:
        """Apply the oldest frame that waits; whether the table must be begun anew, being wrong."""
        frame: Snap | Delta = _decode(self.waiting.popleft())
        before = self.table.diverged
        if isinstance(frame, Snap):
            self.table.on_snap(frame)
            taken = True
        else:
            taken = self.table.on_delta(frame)
        self._tally.checked += taken and frame.crc is not None
        self._tally.diverged += self.table.diverged - before
        return self.table.diverged > before
