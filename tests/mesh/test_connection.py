"""Opening a connection, and what is said if that cannot be."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from mesh import connection
from mesh.broker import free_port, free_ports
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, BrokerVersionError, SettingsError, TopologyError
from mesh.logs import set_up
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually


LOG = set_up("test", "error")


@asynccontextmanager
async def _server_of(version: str, last_words: bytes = b"") -> AsyncIterator[str]:
    """The address of a server that says it is of *version*, and answers pings; after the first come its *last_words*."""
    info = (
        f'INFO {{"server_id":"S","version":"{version}","proto":1,"max_payload":1048576,'
        '"headers":true,"host":"127.0.0.1","port":0}\r\n'
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(info.encode())
        async for line in reader:
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n" + last_words)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("version", ["2.10.0", "2.10.29", "1.4.1"])
async def test_server_that_is_too_old_is_refused(version: str) -> None:
    """The sentence names what is needed, what was found and where."""
    async with _server_of(version) as url:
        with pytest.raises(BrokerVersionError) as refusal:
            async with open_connection(Settings(nats_url=url), "test", LOG):
                pass

    text = str(refusal.value)
    assert "nats-server must be 2.11 or newer" in text
    assert f"{url.removeprefix('nats://')} is {version}" in text


@pytest.mark.parametrize("version", ["2.11.0", "2.12.0-beta.1", "3.0.0"])
async def test_server_that_is_new_enough_is_taken(version: str) -> None:
    """The oldest version that will do, a preview and a later major one are connected to."""
    async with (
        _server_of(version) as url,
        open_connection(Settings(nats_url=url), "test", LOG) as opened,
    ):
        assert opened.connected.is_set()


async def test_connection_that_the_broker_ends_for_good_is_an_error() -> None:
    """A client that gave up never comes back: whoever waits on it is woken, and reads what the server said."""
    async with _server_of("2.12.0", b"-ERR 'User Authentication Expired'\r\n") as url:
        with pytest.raises(BrokerError, match=r"ended by the broker: .*authentication expired"):
            async with open_connection(Settings(nats_url=url), "test", LOG):
                await asyncio.Event().wait()


async def test_no_broker_is_an_error_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while without a broker the error names the address and the setting that it came from."""
    monkeypatch.setattr(connection, "_FIRST_CONNECT_S", 0.3)
    url = f"nats://127.0.0.1:{free_port()}"

    with pytest.raises(BrokerError) as refusal:
        async with open_connection(Settings(nats_url=url), "test", LOG):
            pass

    assert f"no broker answers at {url} (MESH_NATS_URL)" in str(refusal.value)


@pytest.mark.broker
async def test_broker_that_is_just_starting_is_waited_for(broker: RunningBroker) -> None:
    """A program that starts a moment before its broker connects all the same."""
    await broker.stop()

    async def use() -> bool:
        async with open_connection(Settings(nats_url=broker.url), "test", LOG) as opened:
            return opened.connected.is_set()

    async with asyncio.TaskGroup() as tasks:
        used = tasks.create_task(use())
        await asyncio.wait({used}, timeout=0.2)
        assert not used.done()
        await broker.start()

    assert used.result()


@pytest.mark.broker
async def test_reconnect_is_counted_and_hooks_run_in_order(
    broker: RunningBroker, settings: Settings
) -> None:
    """After each return of the broker the incarnation grows, and every hook runs although one fails for good."""
    ran: list[str] = []

    async def first() -> None:
        ran.append("first")
        raise TopologyError("not ours")

    async def second() -> None:
        ran.append("second")

    async with open_connection(settings, "test", LOG) as opened:
        opened.on_reconnect += [first, second]
        for expected in (["first", "second"], ["first", "second"] * 2):
            await broker.stop()
            await eventually(lambda: not opened.connected.is_set())
            await broker.start()
            await eventually(lambda: list(ran), expected.__eq__)
            assert opened.connected.is_set()

        assert opened.incarnation == 2


@pytest.mark.broker
async def test_hook_that_the_broker_refuses_is_run_again(
    broker: RunningBroker, settings: Settings
) -> None:
    """What a broker cannot do just after its return is tried until it can, and keeps nothing else from its turn."""
    ran: list[str] = []

    async def hasty() -> None:
        ran.append("hasty")
        if ran.count("hasty") < 3:
            raise BrokerError("no leader yet")

    async def modest() -> None:
        ran.append("modest")

    async with open_connection(settings, "test", LOG) as opened:
        opened.on_reconnect += [hasty, modest]
        await broker.stop()
        await broker.start()
        await eventually(lambda: list(ran), ["hasty", "modest", "hasty", "hasty"].__eq__)


@pytest.mark.broker
async def test_hook_in_need_of_another_try_does_not_delay_the_end(
    broker: RunningBroker, settings: Settings
) -> None:
    """A connection closes while a hook is still refused, and a second loss begins its tries anew."""
    tries: list[int] = []

    async with open_connection(settings, "test", LOG) as opened:

        async def never() -> None:
            tries.append(opened.incarnation)
            raise BrokerError("no leader yet")

        opened.on_reconnect.append(never)
        for incarnation in (1, 2):
            await broker.stop()
            await broker.start()
            await eventually(lambda wanted=incarnation: tries.count(wanted) > 1)
    ended = list(tries)

    assert ended == sorted(ended)
    assert opened.client.is_closed


@pytest.mark.broker
async def test_outage_hides_no_complaint(broker: RunningBroker, settings: Settings) -> None:
    """That a broker is away is no complaint of the client's, so the first real one after it is still told."""
    told: list[Any] = []

    def keep(_logger: Any, _level: str, record: Any) -> str:
        told.append(record.get("error"))
        return ""

    log = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[keep],
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
    )
    async with open_connection(settings, "test", log) as opened:
        await broker.kill()
        await eventually(lambda: not opened.connected.is_set())
        await broker.start()
        await eventually(opened.connected.is_set)
        await opened.on_error(BrokerError("slow"))

    assert told == ["BrokerError('slow')"]


@pytest.mark.broker
async def test_request_that_nobody_answers_is_an_error(connection: Connection) -> None:
    """No responders and no stream are errors that name the subject, not time-outs."""
    with pytest.raises(BrokerError, match=r"nobody answers on no\.such\.subject"):
        await connection.request("no.such.subject")
    with pytest.raises(BrokerError, match=r"no stream takes no\.such\.subject"):
        await connection.acknowledged("no.such.subject", b"")


@pytest.mark.broker
async def test_silence_is_an_error_within_its_time(connection: Connection) -> None:
    """Who listens and does not answer is given up after the time that was asked for."""

    async def ignore(_: object) -> None:
        return

    await connection.subscribe("hung", ignore)
    with pytest.raises(BrokerError, match=r"no answer on hung within 0.05 s"):
        await connection.request("hung", timeout_s=0.05)
    with pytest.raises(BrokerError, match=r"hung was not acknowledged within 0.05 s"):
        await connection.acknowledged("hung", b"", timeout_s=0.05)


@pytest.mark.broker
async def test_refusal_of_the_api_carries_its_code(connection: Connection) -> None:
    """What the server refuses comes with its own number, which callers decide by."""
    with pytest.raises(BrokerError) as refusal:
        await connection.api("$JS.API.STREAM.INFO.NOWHERE")

    assert refusal.value.code == 10059


@pytest.mark.broker
async def test_publishing_ends_when_it_is_cancelled(
    broker: RunningBroker, connection: Connection
) -> None:
    """One cancellation ends a task that publishes to a broker that hangs, though the client swallows it."""
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:
            await connection.publish("flood", bytes(500_000))
            sent += 1

    broker.pause()
    async with asyncio.TaskGroup() as tasks:
        flooding = tasks.create_task(flood())
        await _stands_still(lambda: sent)
        flooding.cancel()
        await asyncio.wait([flooding], timeout=2)
        broker.resume()

        assert flooding.cancelled()


async def _stands_still(count: Callable[[], int]) -> None:
    before = -1
    while not before == count() > 0:
        before = count()
        await asyncio.sleep(0.2)


async def test_any_broker_of_a_list_will_do(broker: RunningBroker) -> None:
    """Of several addresses those at which nobody answers are passed over."""
    urls = f"nats://127.0.0.1:{free_port()}, {broker.url},nats://127.0.0.1:{free_port()}"
    async with open_connection(Settings(nats_url=urls), "test", LOG) as opened:
        assert opened.client.connected_url is not None
        assert opened.client.connected_url.port == broker.port


async def test_no_broker_of_a_list_is_an_error_without_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All addresses are named, none with its password."""
    monkeypatch.setattr(connection, "_FIRST_CONNECT_S", 0.3)
    ports = free_ports(2)
    urls = ",".join(f"nats://user:hunter2@127.0.0.1:{port}" for port in ports)

    with pytest.raises(BrokerError) as refusal:
        async with open_connection(Settings(nats_url=urls), "test", LOG):
            pass

    shown = ",".join(f"nats://***@127.0.0.1:{port}" for port in ports)
    assert f"no broker answers at {shown} (MESH_NATS_URL)" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


async def test_every_unusable_address_of_a_list_is_said() -> None:
    """A list with two wrong addresses is refused with both, its passwords hidden."""
    urls = "nats://a:hunter2@:1,nats://127.0.0.1:2,ftp://b:hunter2@host:3"
    with pytest.raises(SettingsError) as refusal:
        async with open_connection(Settings(nats_url=urls), "test", LOG):
            pass

    assert len(refusal.value.problems) == 2
    assert all("separated by commas, was" in problem for problem in refusal.value.problems)
    assert "hunter2" not in str(refusal.value)


async def test_web_sockets_do_not_mix_with_others() -> None:
    """The client speaks one or the other, so a list of both is a wrong setting."""
    with pytest.raises(SettingsError, match="must not mix"):
        async with open_connection(Settings(nats_url="ws://a:1,nats://a:2"), "test", LOG):
            pass


@pytest.mark.parametrize(
    "url",
    [
        *("nats://127.0.0.1:notaport", "nats://:4", "127.0.0.1:1:2", "nats"),
        *("nats://127.0.0.1:1,", "nats://127.0.0.1:1,127.0.0.1:2", "nats://127.0.0.1:1;nats://b:2"),
    ],
)
async def test_unusable_address_is_said(url: str) -> None:
    """What is no address is a wrong setting, said with what one looks like."""
    with pytest.raises(SettingsError, match=r"MESH_NATS_URL must be like nats://127\.0\.0\.1:4222"):
        async with open_connection(Settings(nats_url=url), "test", LOG):
            pass


async def test_broker_that_died_first_does_not_spoil_the_end(
    broker: RunningBroker, settings: Settings
) -> None:
    """A program whose broker was killed while it published still ends in order."""
    async with open_connection(settings, "test", LOG) as opened:
        await opened.publish("a", b"1")
        await broker.stop(signal.SIGKILL)
        for _ in range(100):
            await opened.client.publish("a", b"2")

    assert opened.client.is_closed
