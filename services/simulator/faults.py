"""Faults of the simulator's REST API on demand: what a vendor does on a bad day."""

import asyncio
from http import HTTPStatus
from typing import Literal

from litestar import MediaType, Response


Fault = Literal["limit", "error", "hang", "malformed"]


class Faults:
    """Which paths fail, and how; none at first."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """Path and query of each request so far, in order."""
        self._faults: dict[str, Fault] = {}
        self._mended = asyncio.Event()

    def fail(self, prefix: str, fault: Fault) -> None:
        """Have every path that begins with *prefix* fail, until `mend`."""
        self._faults[prefix] = fault

    def mend(self) -> None:
        """Answer everything again, also what has been hanging."""
        self._faults.clear()
        self._mended.set()
        self._mended = asyncio.Event()

    async def answer(self, path: str, query: str) -> Response[bytes] | None:
        """What a request gets instead of its answer; None if it gets that."""
        self.asked.append(f"{path}?{query}" if query else path)
        for prefix, fault in list(self._faults.items()):
            if path.startswith(prefix):
                return await self._fail(fault)
        return None

    async def _fail(self, fault: Fault) -> Response[bytes] | None:
        match fault:
            case "limit":
                body = b'{"status":"ERROR","request_id":"simulator","error":"You\'ve exceeded the maximum requests per minute"}'
                return Response(
                    body, status_code=HTTPStatus.TOO_MANY_REQUESTS, media_type=MediaType.JSON
                )
            case "error":
                return Response(b"oops", status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
            case "malformed":
                return Response(b'{"status":"OK","results":[{"T":', media_type=MediaType.JSON)
            case "hang":
                await self._mended.wait()
                return None
