"""What a client makes of refusals and of the end of a connection."""

import asyncio
from http import HTTPStatus

import pytest

from mesh.errors import ServiceRefusedError, SettingsError, SubscriptionRefusedError
from mesh.testing import eventually
from mesh.widget_client import open_widget_client
from schemas.widget import (
    EXPIRED,
    REVOKED,
    TOO_SLOW,
    Bye,
    Get,
    Hello,
    ServerError,
    Set,
    Subscribe,
    Unsubscribe,
    View,
)
from tests.mesh.following import B, followed, never, rows
from tests.mesh.scripted import delta, scripted


async def test_refused_set_leaves_the_subscription_as_it_was() -> None:
    """The error says where the expression is wrong; updates go on, with the view of before."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription, peer = await followed(client, service)
        setting = asyncio.gather(subscription.set(View(where="x >")), return_exceptions=True)
        await peer.heard(Set)
        await peer.say(ServerError("ends too soon", 1, 3), delta(1, 2, (0, 1, 9.0)))
        (error,) = await setting

        assert isinstance(error, SubscriptionRefusedError)
        assert (str(error), error.place, error.feed) == ("ends too soon", 3, "board/x")
        assert await rows(subscription) == [["A", 9.0, 2.0], B]
        assert subscription.view == View()


async def test_refused_feed_ends_the_subscription_alone() -> None:
    """Its updates raise; another subscription of the same client goes on, and a new connection does not ask again."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        subscription, peer = await followed(client, service)
        other = await client.subscribe("board/none", View(where="?"))
        await peer.heard(Subscribe)
        await peer.say(ServerError("there is no such feed", 2))
        with pytest.raises(SubscriptionRefusedError, match="no such feed"):
            await anext(other.updates())
        with pytest.raises(SubscriptionRefusedError, match="no such feed"):
            await other.set(View())
        peer.cut()
        peer = await service.peer()
        assert (await peer.heard(Subscribe)).id == 1
        await peer.say(delta(1, 2, (0, 1, 9.0)))

        assert await rows(subscription) == [["A", 9.0, 2.0], B]


async def test_refused_get_raises() -> None:
    """The refusal of a question comes to whoever asked."""
    async with scripted() as service, open_widget_client(service.url) as client:
        asking = asyncio.gather(client.get("board/none"), return_exceptions=True)
        peer = await service.peer()
        await peer.heard(Get)
        await peer.say(ServerError("there is no such feed", 1))
        (error,) = await asking

        assert isinstance(error, SubscriptionRefusedError)


@pytest.mark.parametrize("is_said", [True, False])
async def test_client_that_is_not_wanted_stays_away(*, is_said: bool) -> None:
    """After a code that says never, or a bye without a time, updates and new subscriptions raise, with the code."""
    async with scripted() as service, open_widget_client(service.url, chance=never) as client:
        subscription, peer = await followed(client, service)
        if is_said:
            await peer.say(Bye(TOO_SLOW.code, "you know why", None))
        await peer.close(TOO_SLOW.code if is_said else REVOKED.code)
        with pytest.raises(ServiceRefusedError) as raised:
            await anext(subscription.updates())
        with pytest.raises(ServiceRefusedError):
            await client.subscribe("board/x")

        assert raised.value.code == (TOO_SLOW.code if is_said else REVOKED.code)
        assert not client.connected


async def test_bye_says_when_to_come_back() -> None:
    """Even after a code that says later, the client is back when it was told to, and says when that is meanwhile."""
    async with scripted() as service, open_widget_client(service.url) as client:
        _, peer = await followed(client, service)
        await peer.say(Bye(TOO_SLOW.code, "rest a little", 1))
        await peer.close(TOO_SLOW.code)
        peer = await service.peer()

        assert (await peer.heard(Subscribe)).seq == 1
        assert client.counters.reconnects == 1


async def test_time_of_the_next_attempt_is_known() -> None:
    """While the client waits it says until when, and why."""
    async with scripted() as service, open_widget_client(service.url) as client:
        _, peer = await followed(client, service)
        await peer.close(TOO_SLOW.code)
        await eventually(lambda: client.again_s)

        assert not client.connected
        assert str(TOO_SLOW.code) in client.trouble


async def test_token_is_asked_for_before_each_attempt() -> None:
    """After the end of a token the next connection has the next one."""
    tokens = iter(["first", "second"])
    async with (
        scripted() as service,
        open_widget_client(service.url, lambda: next(tokens), chance=never) as client,
    ):
        _, peer = await followed(client, service)
        assert peer.authorization == "Bearer first"
        await peer.close(EXPIRED.code)

        assert (await service.peer()).authorization == "Bearer second"


@pytest.mark.parametrize(("status", "ends"), [(401, True), (404, True), (503, False)])
async def test_refused_handshake(status: int, *, ends: bool) -> None:
    """A client's fault is final; a server's trouble is waited for."""
    async with scripted() as service:
        service.refuse_with = HTTPStatus(status)
        async with open_widget_client(service.url, chance=never) as client:
            subscription = await client.subscribe("board/x")
            if ends:
                with pytest.raises(ServiceRefusedError, match=str(status)):
                    await subscription.change()
            else:
                await eventually(lambda: client.counters.reconnects > 1)
                service.refuse_with = None
                await (await service.peer()).heard(Subscribe)


async def test_service_of_another_protocol_is_refused() -> None:
    """Frames that mean something else are not taken for those of protocol 1."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription = await client.subscribe("board/x")
        await service.peer(Hello(2, "9", "tape", 0, []))

        with pytest.raises(ServiceRefusedError, match="protocol 2"):
            await subscription.change()


async def test_closed_client_ends_its_subscriptions() -> None:
    """Whoever still waits is let go when the context ends."""
    async with scripted() as service:
        async with open_widget_client(service.url) as client:
            subscription, _ = await followed(client, service)
            waiting = asyncio.gather(subscription.change(), client.get("x"), return_exceptions=True)
        change, got = await waiting

        assert change is None
        assert isinstance(got, SubscriptionRefusedError)


async def test_address_must_be_one_of_a_websocket() -> None:
    """It is refused before anything connects."""
    with pytest.raises(SettingsError):
        async with open_widget_client("http://127.0.0.1/ws"):
            pass


@pytest.mark.parametrize("view", [View(hz=0.0), View(top=5001), View(where="x" * 1001)])
async def test_view_that_is_none_is_not_sent(view: View) -> None:
    """The service could not say to which subscription its answer belongs; so the client itself refuses."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription, peer = await followed(client, service)
        with pytest.raises(SubscriptionRefusedError):
            await client.subscribe("board/y", view)
        with pytest.raises(SubscriptionRefusedError):
            await subscription.set(view)
        await client.unsubscribe(subscription)

        assert await peer.heard(Unsubscribe) == Unsubscribe(1)


@pytest.mark.parametrize("token", ["a\r\nX-Other: 1", "é"])
async def test_token_that_is_none_is_not_sent(token: str) -> None:
    """What would break out of the header is refused, and the message does not repeat it."""
    async with scripted() as service, open_widget_client(service.url, token) as client:
        subscription = await client.subscribe("board/x")
        with pytest.raises(SettingsError) as raised:
            await subscription.change()

    assert token not in str(raised.value)
