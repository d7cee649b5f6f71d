"""A symbol of no exchange, through the whole mesh: tape, owner, row, KV, and a client's socket."""

import asyncio
from collections.abc import Callable

from mesh import clock
from mesh.connection import Connection
from mesh.tasks import end, ticks
from services.control.canary import Canary
from services.control.journeys import LEGS, MISSING, CanaryReport, Journey
from services.smoke.check import Check, Deadline, Wrong


_WHAT = "canary"
_EVERY_S = 1.0
_LOOK_S = 0.05
_AT_LEAST_S = 10.0
"""So long a canary may take after a rollout, however late that is over."""
_PLACES = {"stored": "tape", "row": "row", "kv": "KV", "socket": "WebSocket"}


async def open_way(
    connection: Connection,
    partitions: int,
    url: str,
    token: Callable[[], str] | None,
    deadline: Deadline,
    rolled_out: asyncio.Event,
) -> Check:
    """Whether canaries come to a client of the Widget Data Service at *url*; one is sent each second until one has.

    Before *rolled_out* it may be old processes that they come through, so they count only if it is never set.
    """
    canary = Canary(connection, partitions, _EVERY_S, url, token)
    sending = asyncio.get_running_loop().create_task(canary.run())
    since_ms, until_s = 0, 0.0
    try:
        async for _ in ticks(_LOOK_S):
            if sending.done():
                sending.result()  # it sends for ever, or fails
            if rolled_out.is_set() and not since_ms:
                since_ms, until_s = int(clock.now_ms()) + 1, deadline.took_s + _AT_LEAST_S
            is_last = not deadline.left_s and deadline.took_s >= until_s
            found = judged(canary.report(), url, since_ms)
            if isinstance(found, str) and (since_ms or is_last):
                return deadline.passed(_WHAT, found)
            if isinstance(found, Wrong) and is_last:
                return deadline.failed(_WHAT, found)
    finally:
        await end([sending])
    raise AssertionError("ticks never end")


def judged(report: CanaryReport, url: str, since_ms: int) -> str | Wrong:
    """The way of the first canary that was sent at *since_ms* or later and has arrived; or where they stay."""
    sent = [each for each in report.journeys if each.sent_ms >= since_ms]
    arrived = [each for each in sent if each.has_arrived]
    return _said(arrived[0]) if arrived else _missing(sent, report, url)


def _said(journey: Journey) -> str:
    legs = (f"{_PLACES[leg]} {getattr(journey, f'{leg}_ms'):.0f} ms" for leg in LEGS)
    return ", ".join(legs)


def _missing(sent: list[Journey], report: CanaryReport, url: str) -> Wrong:
    """Where the first of the canaries was not seen: whoever saw a later one counts as having seen it."""
    expected = f"a row of the canary at a client of {url}"
    missing = [leg for leg in LEGS if not sent or getattr(sent[0], f"{leg}_ms") is None]
    if "row" not in missing and report.state == "missing" and url in report.reason:
        return Wrong(report.reason, expected, _ADVICE["socket"])
    return Wrong(MISSING[missing[0]], expected, _ADVICE[missing[0]])


_ADVICE = {
    "stored": "`mesh topology diff` shows whether the stream is there; a cluster may just elect its leader",
    "row": "`mesh partitions` shows who owns what; MESH_PARTITIONS must be the same here and there",
    "kv": "processors write rows to KV when they can: `mesh ctl status` shows how they are",
    "socket": "is --ws its address, does the token let its holder see row/ZZ.CANARY, and is `widgets` ready?",
}
