"""What the server itself refuses: to programs what is not theirs, and to readers whatever changes anything."""

import asyncio
import signal
from contextlib import suppress
from typing import Any

import pytest
from nats import micro
from nats.errors import Error, NoRespondersError

from mesh import clock, topology
from mesh.checkpoint import Checkpoints
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, FatalError
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.nats_access import revoke
from mesh.permissions import ADMIN, CLAIMS, PROGRAMS, READER
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.naming import Bucket
from services.partitions.survey import survey
from tests.mesh.keys import Secured, Signed, creds_of, is_let_in, signed_in


pytestmark = [pytest.mark.broker, pytest.mark.slow]

LOG = set_up("test", "error")
OTHERS_WRITE = {
    "$KV.boards.gainers": "boards",
    "$KV.rows.AAPL": "processors",
    "$KV.checkpoints.00": "processors",
    "$KV.reference.AAPL": "reference",
    "$KV.news.latest": "news",
    "$KV.layouts.61": "widgets",
    "$KV.revoked.x": "control",
    "$KV.shared_layouts.61.x": "control",
    "$KV.nats_users.x": "control",
    "$KV.users.616e6e": "control",
    "$KV.sessions.x": "control",
    "$KV.owners.boards.00": "boards",
    "$KV.owners.processors.00": "processors",
    "tape.trades.00": "listener",
    "tape.news.finlight": "news",
    "heads.00": "listener",
    "rows.00": "processors",
    "positions.00": "processors",
    "alert.high.AAPL": "processors",
    "news.AAPL": "news",
    "$KV.control.feed.massive": "listener",
    "$KV.control.worker.x": "processors",
    "$KV.control.log.widgets": "widgets",
    "$KV.keys.jwks": "control",
    "$KV.signing.ring": "control",
    "$KV.api_tokens.x": "control",
    "$KV.answers.x": "control",
    "tape.canary.00": "control",
    "audit.sign-in": "control",
    "audit.feed.stop": "listener",
    "ctl.listener.stop": "control",
    "members.boards": "boards",
}
"""Who alone may publish there, beside an admin."""
SHARED = {
    "$KV.layouts.61": {"control"},
    "$KV.control.feed.massive": {"news", "control"},
    "$KV.control.worker.x": {"control"},
    "$KV.control.log.widgets": {"control"},
    "audit.feed.stop": {"news", "control"},
    "tape.canary.00": {"smoke"},
}
NOBODY_ASKS = (
    "$JS.API.STREAM.DELETE.ALERTS",
    "$JS.API.STREAM.PURGE.ALERTS",
    "$JS.API.STREAM.UPDATE.KV_boards",
    "$JS.API.STREAM.MSG.DELETE.ALERTS",
    "$JS.API.STREAM.CREATE.KV_mine",
    "$JS.API.CONSUMER.DURABLE.CREATE.AUDIT.x",
    "$JS.API.CONSUMER.CREATE.KV_checkpoints",
    "$JS.API.CONSUMER.DELETE.TAPE_NEWS.news",
    "$JS.API.ACCOUNT.PURGE.x",
    "$SYS.REQ.CLAIMS.UPDATE",
    "_INBOX_nobody.x",
)
READ_BY_FEW = {
    "$JS.API.DIRECT.GET.KV_layouts": {"widgets", "control"},
    "$JS.API.DIRECT.GET.KV_shared_layouts": {"control"},
    "$JS.API.DIRECT.GET.KV_nats_users": {"control"},
    "$JS.API.DIRECT.GET.KV_users": {"control"},
    "$JS.API.DIRECT.GET.KV_sessions.$KV.sessions.x": {"control"},
    "$JS.API.DIRECT.GET.KV_signing": {"control"},
    "$JS.API.DIRECT.GET.KV_api_tokens": {"control"},
    "$JS.API.DIRECT.GET.AUDIT": {"control"},
    "$JS.API.DIRECT.GET.KV_articles": {"news", "control"},
}
NOBODY_HEARS = (">", "*", "$SYS.>", "_INBOX.>", "$KV.>", "audit.>")


async def _state(admin: Connection) -> dict[str, Any]:
    """Every stream with its definition, how much it holds and how far it has come."""
    found = {}
    for name in (await admin.api("$JS.API.STREAM.NAMES"))["streams"]:
        info = await admin.api(f"$JS.API.STREAM.INFO.{name}")
        state = info["state"]
        found[name] = info["config"], state["messages"], state["last_seq"], state["consumer_count"]
    return found


async def _refused(user: Signed, publish: list[str], subscribe: list[str]) -> list[str]:
    """What the server did not refuse of all that a user tries to do."""
    for subject in publish:
        await user.client.publish(subject, b"{}")
    for subject in subscribe:
        await user.client.subscribe(subject)
    wanted = [f'publish to "{subject.lower()}"' for subject in publish]
    wanted += [f'subscription to "{subject.lower()}"' for subject in subscribe]

    def missing() -> list[str]:
        return [each for each in wanted if not any(each in said for said in user.refused)]

    await user.client.flush()
    await eventually(lambda: len(user.refused) >= len(wanted) or not user.client.is_connected)
    return missing()


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name != ADMIN])
async def test_programs_are_refused_what_is_not_theirs(
    mesh: Secured, admin: Connection, program: str
) -> None:
    """Whatever others write, what nobody may do, whatever others read, and the answers of others: the server says no, and nothing changed."""
    publish = [
        subject
        for subject, owner in OTHERS_WRITE.items()
        if program not in {owner, *SHARED.get(subject, ())}
    ]
    publish += [*NOBODY_ASKS]
    publish += [subject for subject, readers in READ_BY_FEW.items() if program not in readers]
    hears = [
        *NOBODY_HEARS,
        *(f"_INBOX_{each}.>" for each in PROGRAMS if each not in {program, ADMIN}),
    ]
    before = await _state(admin)
    async with signed_in(mesh.broker.url, creds_of(mesh.keys, program)) as user:
        assert await _refused(user, publish, hears) == []

    assert await _state(admin) == before


async def test_keeper_of_accounts_may_nothing_else(mesh: Secured) -> None:
    """Who tells servers of accounts asks them nothing else, and is believed only with the operator's signature."""
    async with signed_in(mesh.broker.url, creds_of(mesh.keys, CLAIMS)) as user:
        asked = ["$SYS.REQ.SERVER.PING", "$SYS.REQ.CLAIMS.DELETE", "$SYS.REQ.SERVER.X.RELOAD", "tape.trades.00"]  # fmt: skip
        assert await _refused(user, asked, [">", "$SYS.>"]) == []
        answer = await user.client.request("$SYS.REQ.CLAIMS.UPDATE", b"e30.e30.e30")
        assert b'"error"' in answer.data


async def test_nobody_without_credentials_is_let_in(mesh: Secured) -> None:
    """The reason is said, with what to set; so it is for credentials of another mesh."""
    bare = Settings(nats_url=mesh.broker.url)
    with pytest.raises(BrokerError, match="refuses a client without credentials"):
        async with asyncio.timeout(30), open_connection(bare, "test", LOG):
            pass


async def test_missing_credentials_are_said(mesh: Secured) -> None:
    """A file that is not there is no reason to try without."""
    with pytest.raises(FatalError, match=r"no\.creds cannot be read"):
        async with open_connection(
            Settings(nats_url=mesh.broker.url, nats_creds="/no.creds"), "test", LOG
        ):
            pass


async def test_refused_request_says_so(mesh: Secured) -> None:
    """A program that asks for what it may not is told that, instead of a broker that does not answer, and it counts."""
    async with open_connection(mesh.settings("boards"), "boards", LOG) as connection:
        with pytest.raises(BrokerError, match="may not publish"):
            await connection.request("vendor.company", timeout_s=0.5)
        with pytest.raises(BrokerError, match="may not publish"):
            await KeyValue(connection, Bucket.ROWS).put_if("AAPL", b"{}", 0, timeout_s=0.5)

        assert connection.denials == 2


async def test_reader_reads(mesh: Secured, admin: Connection) -> None:
    """Plain subjects as they come, and stored values, also with a client's own means: under the domain."""
    heard: list[tuple[str, bytes]] = []

    async def note(message: Any) -> None:
        heard.append((message.subject, message.data))

    async with signed_in(mesh.broker.url, creds_of(mesh.keys, READER)) as reader:
        await reader.client.subscribe("board.>", cb=note)
        await reader.client.flush()
        await KeyValue(admin, Bucket.BOARDS).put("gainers", b'{"rows": []}')
        bucket = await reader.client.jetstream(domain="mesh").key_value("boards")

        assert (await bucket.get("gainers")).value == b'{"rows": []}'
        await eventually(lambda: heard == [("board.gainers", b'{"rows": []}')])
        assert reader.refused == []


async def test_reader_changes_nothing(mesh: Secured, admin: Connection) -> None:
    """Neither stored values nor streams nor consumers, in the account of readers or by a detour."""
    own = mesh.keys / "ann.creds"
    own.write_text(mesh.issue().creds)
    tried = [
        *OTHERS_WRITE,
        *NOBODY_ASKS,
        *READ_BY_FEW,
        "board.gainers",
        "md.trades.AAPL",
        "_R_.x.y",
    ]
    tried += ["$JS.mesh.API.STREAM.DELETE.KV_boards", "$JS.mesh.API.CONSUMER.CREATE.KV_boards"]
    tried += ["$JS.mesh.API.DIRECT.GET.KV_layouts", "$JS.mesh.API.DIRECT.GET.KV_checkpoints.x"]
    hears = [*NOBODY_HEARS, "tape.>", "rows.>", "_R_.>", "ctl.>", "$SRV.>"]
    await KeyValue(admin, Bucket.ROWS).put("AAPL", b"{}")
    before = await _state(admin)
    async with signed_in(mesh.broker.url, own) as reader:
        assert await _refused(reader, tried, hears) == []
        assert await _state(admin) == before


async def test_reader_has_no_value_stored_by_an_answer(mesh: Secured, admin: Connection) -> None:
    """The server answers wherever it is asked to, with its own rights: from the account of readers that reaches no stream and no program."""
    heard: list[str] = []

    async def note(message: Any) -> None:
        heard.append(message.subject)

    await KeyValue(admin, Bucket.ROWS).put("AAPL", b"{}")
    before = await _state(admin)
    async with (
        signed_in(mesh.broker.url, creds_of(mesh.keys, READER)) as reader,
        signed_in(mesh.broker.url, creds_of(mesh.keys, "listener")) as listener,
    ):
        await listener.client.subscribe("ctl.listener.stop", cb=note)
        await listener.client.flush()
        asked = "$JS.mesh.API.DIRECT.GET.KV_rows.$KV.rows.AAPL"
        for reply in (
            "$KV.boards.gainers",
            "tape.trades.00",
            "alert.high.AAPL",
            "ctl.listener.stop",
        ):
            await reader.client.publish(asked, b"", reply=reply)
        answer = await reader.client.request(asked, b"")
        await listener.client.flush()

        assert answer.data == b"{}"
        assert heard == []
        assert await _state(admin) == before


async def test_readers_do_not_hear_answers_of_others(mesh: Secured) -> None:
    """The inbox of each is refused to the others, also with wildcards."""
    ann, bob = mesh.issue("ann"), mesh.issue("bob")
    own = mesh.keys / "bob.creds"
    own.write_text(bob.creds)
    async with signed_in(mesh.broker.url, own) as reader:
        hears = [f"{ann.inbox_prefix}.>", f"{ann.inbox_prefix}.x", "*.*", "_INBOX.>", "*.>"]
        assert await _refused(reader, [], hears) == []


async def test_services_tell_readers_of_themselves_alone(mesh: Secured, admin: Connection) -> None:
    """`PING`, `INFO` and `STATS` answer; the endpoint that would change something is refused by the server, and not asked."""
    called: list[bytes] = []

    async def stop(request: Any) -> None:
        called.append(request.data)
        await request.respond(b"stopped")

    async with (
        signed_in(mesh.broker.url, creds_of(mesh.keys, "listener")) as program,
        signed_in(mesh.broker.url, creds_of(mesh.keys, READER)) as reader,
    ):
        service = await micro.add_service(program.client, name="listener", version="1.0.0")
        await service.add_endpoint(name="stop", subject="ctl.listener.stop", handler=stop)
        await program.client.flush()

        async def told() -> str:
            """All that is told at once."""
            found = ""
            for verb in ("PING", "INFO", "STATS"):
                for subject in (f"$SRV.{verb}", f"$SRV.{verb}.listener"):
                    with suppress(NoRespondersError, TimeoutError):
                        found += (
                            await reader.client.request(subject, b"", timeout=2)
                        ).data.decode()
            return found

        await eventually(told, lambda said: said.count('"listener"') >= 6)  # type: ignore[arg-type]  # T is what is awaited
        with pytest.raises(Error):
            await reader.client.request("ctl.listener.stop", b"now", timeout=0.5)
        await eventually(lambda: 'publish to "ctl.listener.stop"' in str(reader.refused))
        assert called == []

        assert (await admin.request("ctl.listener.stop", b"now")).data == b"stopped"
        assert program.refused == []
        await service.stop()


async def test_revoked_reader_is_out_at_once_and_for_good(mesh: Secured) -> None:
    """Its connection ends, none is made again, not even after the broker was killed and started anew; others stay."""
    ann, bob = mesh.issue("ann"), mesh.issue("bob")
    for each in (ann, bob):
        (mesh.keys / each.name).write_text(each.creds)
    async with (
        signed_in(mesh.broker.url, mesh.keys / "ann") as dropped,
        signed_in(mesh.broker.url, mesh.keys / "bob") as stays,
    ):
        token = await revoke(mesh.settings("control"), mesh.issuer, [ann.key], LOG)
        await eventually(lambda: dropped.client.is_closed, timeout_s=5)

        assert ann.key in mesh.issuer.read(token)["nats"]["revocations"]
        assert not await is_let_in(mesh.broker.url, mesh.keys / "ann")
        assert stays.client.is_connected
    await mesh.broker.stop(signal.SIGKILL)
    await mesh.broker.start()

    assert not await is_let_in(mesh.broker.url, mesh.keys / "ann")
    assert await is_let_in(mesh.broker.url, mesh.keys / "bob")


async def test_revocations_at_the_same_moment_all_count(mesh: Secured) -> None:
    """Several processes that take back others at once write over each other, and see to it."""
    users = [mesh.issue(f"user-{number}") for number in range(4)]
    settings = mesh.settings("control")
    await asyncio.gather(*(revoke(settings, mesh.issuer, [user.key], LOG) for user in users))
    token = await revoke(settings, mesh.issuer, [users[0].key], LOG)

    assert {user.key for user in users} <= mesh.issuer.read(token)["nats"]["revocations"].keys()


async def test_access_ends_by_itself(mesh: Secured) -> None:
    """When its time is over a reader's connection ends, and none is made again."""
    now_s = int(clock.now_ms() / 1000)
    own = mesh.keys / "ann.creds"
    own.write_text(mesh.issuer.issue("ann", now_s, now_s + 3).creds)
    async with signed_in(mesh.broker.url, own) as reader:
        await eventually(lambda: reader.client.is_closed)

    async def is_out() -> bool:
        return not await is_let_in(mesh.broker.url, own)

    # The server counts in whole seconds.
    assert await eventually(is_out)  # type: ignore[arg-type]  # T is what is awaited


async def test_topology_is_for_the_admin(mesh: Secured, admin: Connection) -> None:
    """An admin applies it; a program makes a stream of memory again that is gone, and no other."""
    await admin.api("$JS.API.STREAM.DELETE.ROWS")
    await admin.api("$JS.API.STREAM.DELETE.TAPE_BARS")
    async with open_connection(mesh.settings("listener"), "listener", LOG) as program:
        await topology.keep(program)
        assert await topology.diff(program, topology.definitions()) == []
        await admin.api("$JS.API.STREAM.DELETE.KV_layouts")
        with pytest.raises(BrokerError, match=r"may not publish to .*CREATE\.KV_layouts"):
            await topology.apply(program, topology.definitions())
    assert [each.stream for each in await topology.apply(admin, topology.definitions())] == ["KV_layouts"]  # fmt: skip


async def test_control_may_look_at_partitions(mesh: Secured) -> None:
    """The health of the whole says how far each owner is behind the streams of the tape."""
    async with open_connection(mesh.settings("processors"), "processors", LOG) as processors:
        await Checkpoints(processors).require_partitions(2)
    async with open_connection(mesh.settings("control"), "control", LOG) as control:
        report = await survey(control)

    assert [each.partition for each in report.partitions] == [0, 1]
