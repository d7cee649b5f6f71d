"""A symbol of no exchange, through the whole mesh: tape, owner, row, KV, and a client's socket."""

import asyncio
from collections.abc import Callable

from mesh.connection import Connection
from mesh.tasks import end, ticks
from services.control.canary import Canary
from services.control.journeys import LEGS, MISSING, CanaryReport, Journey
from services.smoke.check import Check, Deadline, Wrong


_WHAT = "canary"
_EVERY_S = 1.0
_LOOK_S = 0.05
_PLACES = {"stored": "tape", "row": "row", "kv": "KV", "socket": "WebSocket"}


async def open_way(
    connection: Connection,
    partitions: int,
    url: str,
    token: Callable[[], str] | None,
    deadline: Deadline,
) -> Check:
    """Whether canaries come to a client of the Widget Data Service at *url*; one is sent each second until one has."""
    canary = Canary(connection, partitions, _EVERY_S, url, token)
    sending = asyncio.get_running_loop().create_task(canary.run())
    try:
        async for _ in ticks(_LOOK_S):
            if sending.done():
                sending.result()  # it sends for ever, or fails
            report = canary.report()
            arrived = [each for each in report.journeys if each.has_arrived]
            if arrived:
                return deadline.passed(_WHAT, _said(arrived[0]))
            if not deadline.left_s:
                return deadline.failed(_WHAT, _missing(report, url))
    finally:
        await end([sending])
    raise AssertionError("ticks never end")


def _said(journey: Journey) -> str:
    legs = (f"{_PLACES[leg]} {getattr(journey, f'{leg}_ms'):.0f} ms" for leg in LEGS)
    return ", ".join(legs)


def _missing(report: CanaryReport, url: str) -> Wrong:
    """Where the first of the canaries was not seen: whoever saw a later one counts as having seen it."""
    expected = f"a row of the canary at a client of {url}"
    missing = [leg for leg in LEGS if not report.journeys or getattr(report.journeys[0], f"{leg}_ms") is None]  # fmt: skip
    if "row" not in missing and report.state == "missing" and url in report.reason:
        return Wrong(report.reason, expected, _ADVICE["socket"])
    return Wrong(MISSING[missing[0]], expected, _ADVICE[missing[0]])


_ADVICE = {
    "stored": "`mesh topology diff` shows whether the stream is there; a cluster may just elect its leader",
    "row": "`mesh partitions` shows who owns what; MESH_PARTITIONS must be the same here and there",
    "kv": "processors write rows to KV when they can: `mesh ctl status` shows how they are",
    "socket": "is --ws its address, does the token let its holder see row/ZZ.CANARY, and is `widgets` ready?",
}
