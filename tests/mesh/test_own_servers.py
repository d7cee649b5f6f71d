"""Servers of one's own, as nats/ configures them: TLS, its refusals and its renewal, WebSockets, a cluster."""

import asyncio
import signal
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from nats.aio.client import Client
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from mesh import connection as connections
from mesh.broker import free_ports
from mesh.connection import Message, open_connection
from mesh.errors import BrokerError, FatalError
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.nats_keys import creds_file, inbox_prefix
from mesh.permissions import READER
from mesh.testing import eventually, ready_connection, running_broker
from schemas.naming import Bucket
from tests.mesh.authority import Authority
from tests.mesh.own_servers import (
    ORIGIN,
    Own,
    command,
    installed,
    own_cluster,
    own_server,
    turn_on_web_socket,
)


pytestmark = [pytest.mark.broker, pytest.mark.slow]

LOG = set_up("test", "error")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is not trusted is not waited for as long as one that just starts."""
    monkeypatch.setattr(connections, "_FIRST_CONNECT_S", 1.0)


async def _refusal(own: Own, **changes: str) -> str:
    with pytest.raises(BrokerError) as refused:
        async with open_connection(own.settings(**changes), "test", LOG):
            pass
    return str(refused.value)


@pytest.mark.parametrize("conf", ["own.conf", "own-cluster.conf"])
@pytest.mark.parametrize("web_socket", [False, True], ids=["", "web-socket"])
async def test_configuration_is_taken(tmp_path: Path, conf: str, web_socket: bool) -> None:
    """The server itself finds nothing wrong with each file, also with the line for browsers."""
    folder = installed(tmp_path)
    if web_socket:
        turn_on_web_socket(folder)
    authority = Authority(folder)
    keys = authority.sign(folder / "tls", "localhost")
    started = command(folder, conf, "nats-1", free_ports(4), free_ports(1), keys)
    environment = {**started.environment, "MESH_BROKER_CA": f'"{authority.path}"'}
    process = await asyncio.create_subprocess_exec(
        *(*started.argv, "-t"), env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()

    assert process.returncode == 0, said.decode()


async def test_program_talks_to_a_server_that_its_authority_signed(tmp_path: Path) -> None:
    """With the authority and a name of the certificate everything works, over TLS."""
    async with own_server(tmp_path) as own, ready_connection(own.settings()) as opened:
        await KeyValue(opened, Bucket.BOARDS).put("gainers", b"{}")
        found = await KeyValue(opened, Bucket.BOARDS).get("gainers")

    assert found is not None
    assert found.value == b"{}"


@pytest.mark.usefixtures("impatient")
async def test_server_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    """Another authority, none, and a name that is not in the certificate: each is a sentence that says what to set."""
    async with own_server(tmp_path) as own:
        port = own.servers[0].port
        other = await _refusal(own, nats_ca=str(Authority(tmp_path).path))
        none = await _refusal(own, nats_ca="")
        unasked = await _refusal(own, nats_ca="", nats_url=f"nats://localhost:{port}")
        name = await _refusal(own, nats_url=f"tls://127.0.0.1:{port}")

    assert "is not trusted: its certificate is not signed by an authority in " in other
    assert "MESH_NATS_CA must name" in other
    assert "not signed by an authority that this system knows" in none
    assert none.partition("trusted")[2] == unasked.partition("trusted")[2]
    assert "certificate is for another name" in name
    assert "MESH_NATS_URL" in name


@pytest.mark.usefixtures("impatient")
async def test_certificate_that_has_ended_is_said(tmp_path: Path) -> None:
    """Who forgot to renew it reads that."""
    async with own_server(tmp_path) as own:
        own.authority.sign(own.certificate.cert.parent, "localhost", days=-1)
        own.servers[0]._signal(signal.SIGHUP)

        async def said() -> str:
            try:
                async with open_connection(own.settings(), "test", LOG):
                    return ""
            except BrokerError as error:
                return str(error)

        assert "renew it" in await eventually(said)  # type: ignore[arg-type]  # T is what is awaited


@pytest.mark.parametrize("address", ["tls://127.0.0.1:{port}", "nats://127.0.0.1:{port}"])
@pytest.mark.usefixtures("impatient")
async def test_server_without_tls_hears_nothing(tmp_path: Path, address: str) -> None:
    """Whoever wants TLS, by the address or by an authority, says nothing to a server that leaves it out."""
    async with own_server(tmp_path) as own, running_broker(tmp_path / "plain") as plain:
        url = address.format(port=plain.port)
        said = await _refusal(own, nats_url=url)
        heard = await _first_words(url, own)

    assert "is not trusted: it does not speak TLS" in said
    assert heard == b""


async def _first_words(url: str, own: Own) -> bytes:
    """What a client says to a server without TLS before it gives up."""
    words: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"S","version":"2.15.1","proto":1,"headers":true,"max_payload":1}\r\n')  # fmt: skip
        words.append(await reader.read(1024))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await _refusal(own, nats_url=f"{url.rpartition(':')[0]}:{port}")
        await eventually(lambda: bool(words))
    return b"".join(words)


@pytest.mark.usefixtures("impatient")
async def test_client_in_clear_is_refused(tmp_path: Path) -> None:
    """Who goes on in clear after the server asked for TLS is not let in."""
    async with own_server(tmp_path) as own:
        reader, writer = await asyncio.open_connection("127.0.0.1", own.servers[0].port)
        await reader.readline()
        writer.write(b'CONNECT {"verbose":true}\r\nPING\r\n')
        said = await reader.read()
        writer.close()

    assert b"OK" not in said
    assert b"PONG" not in said


async def test_missing_authority_is_said(tmp_path: Path) -> None:
    """A file that is not there, and one that holds no certificate, are no reason to trust everybody."""
    async with own_server(tmp_path) as own:
        empty = tmp_path / "empty.pem"
        empty.touch()
        for path, reason in ((tmp_path / "no.pem", "cannot be read"), (empty, "must hold certificates")):  # fmt: skip
            with pytest.raises(FatalError, match=reason):
                async with open_connection(own.settings(nats_ca=str(path)), "test", LOG):
                    pass


async def _serial(own: Own) -> int:
    """The number of the certificate that a server shows to who connects now."""
    trusting = ssl.create_default_context(cafile=own.authority.path)
    client = Client()
    creds = str(creds_file(own.folder / "keys", READER))
    await client.connect(own.urls, tls=trusting, user_credentials=creds)
    writer = client._transport._io_writer  # type: ignore[union-attr]  # a TCP transport
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    await client.close()
    return x509.load_der_x509_certificate(shown).serial_number


async def test_certificate_is_renewed_without_an_end(tmp_path: Path) -> None:
    """After a reload new connections see the new certificate; those that are open go on, and miss nothing."""
    heard: list[int] = []

    async def note(message: Message) -> None:
        heard.append(int(message.data))

    async with own_server(tmp_path) as own, ready_connection(own.settings()) as opened:
        await opened.subscribe("board.test", note)
        before = await _serial(own)
        own.authority.sign(own.certificate.cert.parent, "localhost")
        own.servers[0]._signal(signal.SIGHUP)

        async def renewed() -> bool:
            await KeyValue(opened, Bucket.BOARDS).put("test", str(len(sent)).encode())
            sent.append(len(sent))
            return await _serial(own) != before

        sent: list[int] = []
        await eventually(renewed)  # type: ignore[arg-type]  # T is what is awaited
        await eventually(lambda: heard == sent)

        assert opened.incarnation == 0


@pytest.mark.filterwarnings(
    "ignore:parameter 'timeout':DeprecationWarning"
)  # the client's, for aiohttp
async def test_browser_reads_a_board_where_that_was_turned_on(tmp_path: Path) -> None:
    """Off by default; with the one line a reader's client gets boards over a WebSocket, from an origin of the list and no other."""
    off = tmp_path / "off"
    off.mkdir()
    async with own_server(off) as own:
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("127.0.0.1", own.ws_port)

    def prepare(folder: Path) -> None:
        turn_on_web_socket(installed(folder))

    async with own_server(tmp_path, prepare=prepare) as own, ready_connection(own.settings()) as admin:  # fmt: skip
        await KeyValue(admin, Bucket.BOARDS).put("gainers", b'{"rows": []}')
        reader = await _browser(own)
        bucket = await reader.jetstream(domain="mesh").key_value("boards")
        assert (await bucket.get("gainers")).value == b'{"rows": []}'
        plain = await reader.subscribe("board.*")
        await reader.flush()
        await KeyValue(admin, Bucket.BOARDS).put("gainers", b"{}")
        assert (await plain.next_msg()).data == b"{}"
        await reader.close()
        with pytest.raises(InvalidStatus, match="403"):
            await _greeted(own, "https://evil.example.com")
        assert b"INFO" in await _greeted(own, ORIGIN)


async def _browser(own: Own) -> Client:
    """A client as a page has it, of a user that reads."""
    client = Client()
    creds = creds_file(own.folder / "keys", READER)
    await client.connect(
        f"wss://localhost:{own.ws_port}",
        tls=ssl.create_default_context(cafile=own.authority.path),
        user_credentials=str(creds),
        inbox_prefix=inbox_prefix(creds) or "_INBOX",
        ws_connection_headers={"Origin": [ORIGIN]},
        allow_reconnect=False,
    )
    return client


async def _greeted(own: Own, origin: str) -> bytes:
    """What the server says first to a page of *origin*."""
    trusting = ssl.create_default_context(cafile=own.authority.path)
    async with connect(f"wss://localhost:{own.ws_port}", ssl=trusting, origin=Origin(origin)) as socket:  # fmt: skip
        return await socket.recv(decode=False)


@pytest.mark.timeout(120)
async def test_cluster_with_tls_outlives_a_server(tmp_path: Path) -> None:
    """Three servers know each other by their certificates; what was acknowledged is there after one was killed."""
    async with own_cluster(tmp_path) as own:
        settings = own.settings()

        async def is_whole() -> bool:
            try:
                async with open_connection(settings, "test", LOG) as opened:
                    await opened.api("$JS.API.STREAM.CREATE.KEPT", {"name": "KEPT", "subjects": ["$KV.kept.>"], "num_replicas": 3, "max_bytes": 10_000})  # fmt: skip
            except BrokerError:
                return False
            return True

        await eventually(is_whole, timeout_s=40)  # type: ignore[arg-type]  # T is what is awaited
        async with open_connection(settings, "test", LOG) as opened:
            await opened.acknowledged("$KV.kept.x", b"1")
            await own.servers[0].kill()

            async def count() -> int:
                try:
                    await opened.acknowledged("$KV.kept.x", b"2", {"Nats-Msg-Id": "2"})
                    told = await opened.api("$JS.API.STREAM.INFO.KEPT")
                except BrokerError:
                    return 0
                return int(told["state"]["messages"])

            assert await eventually(count, timeout_s=40) == 2  # type: ignore[arg-type]  # T is what is awaited
