"""Two services on one port: the kernel deals clients to both, and when one stops its clients go to the other."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import httpx
import pytest

from mesh.connection import Connection
from mesh.feed_state import TableState
from mesh.settings import Settings
from mesh.subscription import Subscription
from mesh.testing import eventually
from mesh.widget_client import WidgetClient, open_widget_client
from schemas.widget import Hello, Snap, View
from tests.services.widgets.market import Market, row
from tests.services.widgets.serving import Running, on_free_port, running, visiting


pytestmark = pytest.mark.broker

_MOST = 64
"""Connections: that the kernel deals all of them to one of two is not to be expected."""
_LAST = View(columns=["last_usd"])

Follower = tuple[WidgetClient, Subscription]


@pytest.fixture
def market(connection: Connection) -> Market:
    """What publishes."""
    return Market(connection)


@pytest.fixture
async def pair(settings: Settings, market: Market) -> AsyncIterator[tuple[Running, Running]]:
    """Two of the same program on one port, with a market of one."""
    await market.show(row("A", 10.0))
    own = on_free_port(settings, ws_flush_ms=10, ws_per_user=2 * _MOST)
    async with running(own) as one, running(own) as other:
        yield one, other


async def test_token_is_good_at_both(pair: tuple[Running, Running]) -> None:
    """One token opens the WebSocket and the requests of whichever service answers, and what is none does at neither."""
    program = pair[0]
    token = program.token("row/A")
    answered: set[str] = set()
    sockets: set[str] = set()
    for _ in range(_MOST):
        if min(len(answered), len(sockets)) > 1:
            break
        async with visiting(program, token=token) as visitor:
            await visitor.hear(Hello)
            snap = await visitor.follow(1, "row/A")
            assert isinstance(snap, Snap)
            sockets.add(_process(snap.epoch))
        async with httpx.AsyncClient(base_url=program.page, trust_env=False) as http:
            answer: httpx.Response = await eventually(
                partial(http.get, "v1/rows/A", headers={"Authorization": f"Bearer {token}"}),
                lambda answer: answer.status_code != 503,  # it has no rows yet
            )
            assert answer.status_code == 200
            answered.add(_process(answer.json()["epoch"]))
            wrong = {"Authorization": f"Bearer {token[:-8]}AAAAAAAA"}
            assert (await http.get("v1/rows/A", headers=wrong)).status_code == 401

    assert len(sockets) == 2
    assert answered == sockets


async def test_position_is_of_one_of_them(pair: tuple[Running, Running]) -> None:
    """A position of the one is none of the other: the client is told so, and given the whole table."""
    program = pair[0]
    async with visiting(program) as visitor:
        known = await visitor.follow(1, "row/A")
    for _ in range(_MOST):
        async with visiting(program) as visitor:
            own = await visitor.follow(2, "row/A")
            if _process(own.epoch) == _process(known.epoch):
                continue
            await visitor.say(action="sub", id=3, feed="row/A", epoch=known.epoch, seq=known.seq)
            assert (await visitor.hear(Snap)).recovered is False
            return
    pytest.fail("the kernel dealt every client to one service")


async def test_clients_of_one_that_stops_go_to_the_other(
    pair: tuple[Running, Running], market: Market
) -> None:
    """They begin anew there and have what the others have, who notice nothing; nobody's table was ever wrong."""
    one = pair[0]
    async with AsyncExitStack() as stack:
        found: list[Follower] = []
        while len({_of(each) for each in found}) < 2:
            assert len(found) < _MOST, "the kernel dealt every client to one service"
            client = await stack.enter_async_context(
                open_widget_client(f"ws://127.0.0.1:{one.port}/ws", one.token())
            )
            found.append((client, await client.subscribe("row/A", _LAST)))
            await eventually(lambda: found[-1][1].state)
        before = [_of(each) for each in found]
        served = (await one.stop())["clients"]
        await market.show(row("A", 11.0))
        await eventually(lambda: {_last_usd(each) for each in found}, {11.0}.__eq__)
        after = _of(found[0])
        moved = [of != after for of in before]

        assert {_of(each) for each in found} == {after}
        assert sum(moved) == served
        for (client, _), is_moved in zip(found, moved, strict=True):
            counted = client.counters
            assert (counted.reconnects > 0) is is_moved
            assert counted.snapshots == (2 if is_moved else 1)
            assert (counted.recoveries, counted.gaps, counted.diverged) == (0, 0, 0)


def _process(epoch: str) -> str:
    """Which of the services an epoch is of."""
    return epoch.partition(".")[0]


def _table(follower: Follower) -> TableState:
    state = follower[1].state
    assert isinstance(state, TableState)
    return state


def _of(follower: Follower) -> str:
    return _process(_table(follower).epoch)


def _last_usd(follower: Follower) -> float:
    found: float = _table(follower).rows["A"][1]
    return found
