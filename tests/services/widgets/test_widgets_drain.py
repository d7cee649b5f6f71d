"""A widget service that a person drains: clients go elsewhere, and it says that it is not ready."""

import httpx
import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.widget import RESTARTING, Bye, Hello
from tests.mesh.asking import ask, state
from tests.services.widgets.serving import on_free_port, running, visiting


pytestmark = pytest.mark.broker


async def test_drained_service_sends_its_clients_elsewhere(
    settings: Settings, connection: Connection
) -> None:
    """Clients are told to come back at moments that differ, `/readyz` says who drained it, and after that it serves again."""
    async with running(on_free_port(settings)) as program, httpx.AsyncClient() as http:
        instance = (await state(connection, "widgets"))["instance"]
        async with visiting(program) as visitor:
            await visitor.hear(Hello)
            await ask(connection, f"ctl.widgets.do.drain.{instance}", by="ann")
            first = await visitor.until_closed()
        drained = await http.get(f"{program.page}readyz")
        async with visiting(program) as visitor:
            second = await visitor.until_closed()
        await ask(connection, f"ctl.widgets.do.resume.{instance}", by="ann")
        await eventually(lambda: program.lifecycle.report().ready)
        async with visiting(program) as visitor:
            await visitor.hear(Hello)

    for code, bye in (first, second):
        assert code == RESTARTING.code
        assert isinstance(bye, Bye)
        assert bye.again_ms
    assert drained.status_code == 503
    assert drained.json()["reasons"] == {"drain": "was drained by nats:ann"}


async def test_nobody_drains_all_services_by_one_request(
    settings: Settings, connection: Connection
) -> None:
    """The endpoint names a process: there is none that would reach whichever answers first."""
    async with running(on_free_port(settings)):
        info = (await ask(connection, "$SRV.INFO.widgets")).content

    draining = [each["subject"] for each in info["endpoints"] if each["name"] == "drain"]
    assert draining == [f"ctl.widgets.do.drain.{info['id']}"]
