"""The control plane beside the data plane, which does not need it."""

import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import RunningBroker
from schemas.widget import Delta, Snap
from tests.services.control.people import Person, first_admin
from tests.services.control.serving import running
from tests.services.widgets import serving
from tests.services.widgets.market import Market, row


pytestmark = pytest.mark.broker


async def test_data_flows_without_the_control_plane(
    settings: Settings, connection: Connection
) -> None:
    """A client that follows a row goes on when the control plane stops, and others come in after."""
    market = Market(connection)
    await market.show(row("A", 10.0))
    own = serving.on_free_port(settings, ws_flush_ms=10)
    async with serving.running(own) as widgets, serving.visiting(widgets) as visitor:
        async with running(settings) as program:
            await first_admin(program, connection)
            assert isinstance(await visitor.follow(1, "row/A"), Snap)
        await market.show(row("A", 11.0))
        await visitor.hear(Delta)
        async with serving.visiting(widgets) as other:
            assert isinstance(await other.follow(1, "row/A"), Snap)


async def test_broker_away_is_said_and_nobody_is_let_in(
    settings: Settings, connection: Connection, broker: RunningBroker
) -> None:
    """Without the broker nobody signs in, with a sentence and a time to come again; nothing is broken."""
    async with running(settings) as program:
        ann = await first_admin(program, connection)
        await broker.kill()
        answer = await Person(program).sign_in("ann")
        changed = await ann.post("/v1/users", name="bob", role="viewer")
        await broker.start()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert changed.status_code == 503
    assert program.lifecycle.said("request.failed") == []
