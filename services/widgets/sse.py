"""Any feed as server-sent events: the frames of `/ws` for programs that speak no WebSocket.

`GET /sse/{feed}` with a view in the query; `Authorization: Bearer` names the token, so a browser uses
`fetch` (its `EventSource` cannot set headers). Each event is a frame, named by its type, with
`{epoch}:{seq}` as its id; `Last-Event-ID` goes on after it, as `epoch` and `seq` do on `/ws`.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

import msgspec
from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from litestar.response import Stream

from mesh import clock
from mesh.errors import TokenError
from schemas.widget import EXPIRED, Subscribe, View
from schemas.wire import encode_json
from services.widgets.client import Guest
from services.widgets.door import Door
from services.widgets.limits import Allowance
from services.widgets.rest import (
    Asked,
    Columns,
    Condition,
    Refusal,
    Sort,
    Symbols,
    Top,
    listed,
    request_token,
    responses,
)
from services.widgets.session import Session


QUIET_S = 15.0
"""A comment after so long, so that nobody between takes the connection for dead."""
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")
"""Values are shown as they were published. In JSON a line end stands between words only, as a blank may."""
_HEADERS = {"X-Accel-Buffering": "no"}


_Feed = Annotated[
    str, PathParameter(description="As on `/ws`: `board/gainers`, `row/*`, `alert/>`")
]
_Rate = Annotated[
    float | None, QueryParameter(gt=0, le=50, description="Updates a second, at most")
]
_Position = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", description="Id of the last event that was taken"),
]

_MOST_DIGITS = 16


def sse_route(door: Door, quiet_s: float = QUIET_S) -> HTTPRouteHandler:
    """The handler of `/sse/{feed}`; after *quiet_s* without an event comes a comment."""

    @get(
        "/sse/{feed:path}",
        media_type="text/event-stream",
        sync_to_thread=False,
        responses=responses(None, 429),
    )
    def events(
        request: Asked,
        feed: _Feed,
        *,
        columns: Columns = None,
        top: Top = None,
        sort: Sort = None,
        where: Condition = None,
        symbols: Symbols = None,
        hz: _Rate = None,
        last_event_id: _Position = None,
    ) -> Response[bytes] | Stream:
        """The frames of one subscription, for ever."""
        name = feed.strip("/")
        try:
            visit = door.visit(request_token(request))
        except TokenError as error:
            return _refused(401, str(error))
        if not visit.may(name):
            return _refused(403, f"your token does not let you see {name[:100]!r}")
        address = request.client.host if request.client is not None else ""
        user = None if visit.token is None else visit.token.user
        full = door.hub.places.enter(user, address)
        if full is not None:
            return _refused(429, full)
        wake = asyncio.Event()
        client = Guest(Session(door.hub.catalogue, Allowance(), wake.set), address)
        client.user = user
        client.token = visit.token
        client.session.may = visit.may
        view = View(listed(columns), top, sort, where, hz, None, listed(symbols))
        wanted = Subscribe(0, name, view, *_position(last_event_id))
        if door.hub.stale:
            client.session.say(door.hub.status())
        client.session.on_text(encode_json(wanted), clock.monotonic_s() * 1000)
        answered = _events(door, client, wake, wanted.epoch or "", quiet_s, visit.left_s)
        return Stream(answered, media_type="text/event-stream", headers=_HEADERS)

    return events


def _position(text: str | None) -> tuple[str | None, int | None]:
    """(epoch, seq) of an event's id; nothing of what is none."""
    epoch, _, seq = (text or "").rpartition(":")
    is_number = seq.isdecimal() and len(seq) <= _MOST_DIGITS
    return (epoch, int(seq)) if epoch and is_number else (None, None)


async def _events(
    door: Door,
    client: Guest,
    wake: asyncio.Event,
    epoch: str,
    quiet_s: float,
    left_s: float | None,
) -> AsyncIterator[bytes]:
    """*epoch* is the one that the client names: a delta that goes on in it does not."""
    session = client.session
    end = None
    if left_s is not None:
        end = asyncio.get_running_loop().call_later(left_s, session.close, EXPIRED)
    try:
        with door.hub.joined(client):
            while session.closing is None:
                now_ms = clock.monotonic_s() * 1000
                text = session.next_frame(now_ms)
                if text is not None:
                    kind, epoch, event = _event(text, epoch)
                    yield event
                    if kind == "error":
                        return
                elif not await _woken(wake, session.wait_ms(now_ms), quiet_s):
                    yield b":\n\n"
    finally:
        if end is not None:
            end.cancel()
        door.hub.places.leave(client.user, client.address)


def _event(text: bytes, epoch: str) -> tuple[str, str, bytes]:
    """The type of a frame, its epoch (that of the frame before if it has none), and the event."""
    head = msgspec.json.decode(text, type=_Head)
    epoch = head.epoch or epoch
    name = "" if head.seq is None else f"id: {epoch}:{head.seq}\n"
    data = text.translate(_LINE_ENDS)
    return head.type, epoch, f"event: {head.type}\n{name}data: ".encode() + data + b"\n\n"


class _Head(msgspec.Struct):
    type: str
    epoch: str | None = None
    seq: int | None = None


async def _woken(wake: asyncio.Event, milliseconds: float | None, quiet_s: float) -> bool:
    """Whether something may have changed, or is due; False after a while in which nothing did."""
    due_s = math.inf if milliseconds is None else milliseconds / 1000
    with suppress(TimeoutError):
        async with asyncio.timeout(min(due_s, quiet_s)):
            await wake.wait()
            wake.clear()
            return True
    return due_s < quiet_s


def _refused(status: int, message: str) -> Response[bytes]:
    return Response(encode_json(Refusal(message)), status_code=status, media_type=MediaType.JSON)
