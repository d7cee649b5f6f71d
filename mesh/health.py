"""What an orchestrator asks a program over HTTP: `/healthz`, `/readyz`, `/version` and `/status`, each a JSON object, and `/metrics`.

`/healthz` is 200 while the event loop turns: who gets no answer should restart the program.
`/readyz` is 200 while the program does its job and 503 while it does not, with the reasons: it will
go on by itself, so it should be left alone, and not be sent work.
`/status` is for people and exporters: all that the program says of itself.
`/metrics` is for Prometheus: every instrument of `mesh.instruments` that the program has a value of.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from mesh.address import THIS_MACHINE
from mesh.listener import listener_on
from mesh.meters import Meters, exposition
from mesh.readiness import Report
from schemas.wire import encode_json


if TYPE_CHECKING:
    import uvicorn


_TEXT = b"text/plain; version=0.0.4; charset=utf-8"
_NO_STORE = (b"cache-control", b"no-store")
Ask = Callable[[], Report]
Answer = tuple[HTTPStatus, Any]
"""Bytes are those of `/metrics`, everything else becomes JSON."""
Message = dict[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


def _version() -> str:
    try:
        return version("tickmesh")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unreleased"


VERSION = _version()
_WHAT = "the health of this program"


def readyz(report: Report) -> Answer:
    """The answer of `/readyz`."""
    return (HTTPStatus.OK if report.ready else HTTPStatus.SERVICE_UNAVAILABLE, report)


@asynccontextmanager
async def serving(
    port: int,
    service: str,
    ask: Ask,
    tell: Callable[[], Any] = dict,
    meters: Meters | None = None,
    host: str = THIS_MACHINE,
) -> AsyncIterator[None]:
    """Answer on *port* of *host* for the duration of the context; not at all if it is 0.

    Raises:
        FatalError: the port is taken, or the address is not of this machine.
    """
    if not port:
        yield
        return
    with listener_on(host, port, _WHAT, "MESH_HEALTH_PORT") as listener:
        server = _server(_application(service, ask, tell, meters or Meters()))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listener]))
            try:
                yield
            finally:
                server.should_exit = True


def _application(service: str, ask: Ask, tell: Callable[[], Any], meters: Meters) -> Application:
    routes: dict[str, Callable[[], Answer]] = {
        "/healthz": lambda: (HTTPStatus.OK, {"status": "ok"}),
        "/readyz": lambda: readyz(ask()),
        "/version": lambda: (HTTPStatus.OK, _versions(service, tell())),
        "/status": lambda: (HTTPStatus.OK, tell()),
        "/metrics": lambda: (HTTPStatus.OK, exposition(meters)),
    }

    def nothing() -> Answer:
        return HTTPStatus.NOT_FOUND, {"paths": list(routes)}

    async def application(
        scope: Message,
        _: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        status, content = routes.get(scope["path"], nothing)()
        is_text = isinstance(content, bytes)
        headers = [(b"content-type", _TEXT if is_text else b"application/json"), _NO_STORE]
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        body = content if is_text else encode_json(content)
        await send({"type": "http.response.body", "body": body})

    return application


def _versions(service: str, told: dict[str, Any]) -> dict[str, Any]:
    """The version of the package, and what *told* knows of the image that it runs from."""
    image: dict[str, Any] = {
        name: told[name] for name in ("container_image", "image_version") if name in told
    }
    return {"service": service, "version": VERSION, **image}


def _server(application: Application) -> "uvicorn.Server":
    import uvicorn  # noqa: PLC0415 (a program that nobody asks does not pay for it)

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:  # type: ignore[explicit-override]  # typing's comes with 3.12
            yield  # signals are the lifecycle's

    return Server(
        uvicorn.Config(
            application,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
