"""Leaving a broker that is cut off from its cluster.

To its own clients such a node goes on talking, but what they publish reaches nobody and is stored
nowhere; the others they could reach are not tried, for the connection is fine. A cluster that elects
a leader looks the same for 4 to 9 s, and to leave then would interrupt what works: hence the patience.
"""

import asyncio

from msgspec import UNSET, Raw, UnsetType
from nats.aio.client import Client
from nats.errors import Error

from mesh import clock
from mesh.logs import Log
from mesh.tasks import cancellable
from schemas.wire import DecodeError, Wire, json_decoder


_PATIENCE_S = 15.0
"""Two elections one after the other are over by then."""
_EVERY_S = 1.0
_ANSWER_S = 1.0


class _Answer(Wire, frozen=True):
    error: Raw | UnsetType = UNSET


_decode = json_decoder(_Answer).decode


async def leave_minority(client: Client, log: Log) -> None:
    """Go to another server whenever the one that *client* is connected to has been without a leader for too long; for ever."""
    led_s = clock.monotonic_s()
    while True:
        await asyncio.sleep(_EVERY_S)
        if not client.is_connected or await _is_led(client):
            led_s = clock.monotonic_s()
        elif clock.monotonic_s() - led_s > _PATIENCE_S:
            led_s = clock.monotonic_s()
            log.warning("broker.left", reason="no leader of the cluster is to be found from there")
            await cancellable(client.force_reconnect())


async def _is_led(client: Client) -> bool:
    """Whether the server finds the leader of its cluster."""
    try:
        answer = await cancellable(client.request("$JS.API.INFO", timeout=_ANSWER_S))
        return _decode(answer.data).error is UNSET
    except (Error, TimeoutError, DecodeError):
        return False
