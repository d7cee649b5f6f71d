"""Who may call a route is declared at the route, or there is no application."""

import pytest
from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from mesh.connection import Connection
from mesh.logs import set_up
from mesh.readiness import Report
from mesh.settings import Settings
from services.control.access import ANYBODY, Access
from services.control.app import HEADERS, build
from services.control.caller import Caller
from tests.services.control.serving import running


async def _nobody(_: object) -> Caller | None:
    return None


def _build(*routes: HTTPRouteHandler) -> None:
    access = Access(frozenset(), _nobody)
    build(access, routes, lambda: Report(True, {}, {}), set_up("test", "error"))


def test_route_without_declaration_keeps_the_program_from_starting() -> None:
    """Each route that does not say who may call it is named, and nothing is served."""

    @get("/said", opt=ANYBODY, sync_to_thread=False)
    def said() -> str:
        return ""

    @post("/unsaid", sync_to_thread=False)
    def unsaid() -> str:
        return ""

    _build(said)
    with pytest.raises(ValueError, match=r"must say who may call it.*POST /unsaid$"):
        _build(said, unsaid)


@pytest.mark.broker
async def test_every_answer_has_the_headers_of_a_strict_page(
    settings: Settings, connection: Connection
) -> None:
    """Good answers, refusals and what is not there: none can be framed, sniffed or kept, and all errors say why."""
    del connection  # it has seen to the buckets
    async with running(settings) as program:
        client = program.client()
        for path, status in (("/healthz", 200), ("/v1/me", 401), ("/no-such", 404)):
            answer = await client.get(path)
            assert answer.status_code == status
            assert {*HEADERS.items()} <= {(name, answer.headers.get(name)) for name in HEADERS}, (
                path
            )
            assert status == 200 or answer.json()["message"]
        assert (await client.get("/schema/openapi.json")).json()["paths"]["/v1/audit"]
        assert (await client.post("/v1/me")).json()["message"]
