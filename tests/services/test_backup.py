"""`mesh backup` and `mesh restore` on real brokers: what persons made is there again, and nothing is overwritten."""

import asyncio
import resource
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from mesh import topology
from mesh.connection import Connection
from mesh.errors import FatalError
from mesh.kv import KeyValue, Version
from mesh.permissions import ADMIN
from mesh.settings import Settings
from mesh.snapshots import Snapshot, take
from mesh.testing import ready_connection, replicas_of, running_broker, running_cluster
from schemas.account import Role
from schemas.audit import Record
from schemas.naming import Bucket, bucket_stream
from services.__main__ import main
from services.backup import archive
from services.backup.kept import ASKED_AGAIN, FORGOTTEN, KEPT, REBUILT
from tests.mesh.asking import audited
from tests.mesh.keys import Secured, secured
from tests.services.control.people import Person, first_admin, newcomer
from tests.services.control.serving import running


pytestmark = pytest.mark.broker

KEY = "0123456789abcdef" * 2


def _mesh(monkeypatch: pytest.MonkeyPatch, settings: Settings, *arguments: str) -> int:
    """`mesh` on the broker of *settings*; the exit code."""
    monkeypatch.setenv("MESH_NATS_URL", settings.nats_url)
    monkeypatch.setenv("MESH_NATS_CREDS", settings.nats_creds)
    return main([*arguments])


class Left(NamedTuple):
    """What persons left on a broker."""

    layouts: list[Version]
    audit: list[Record]


async def _left(connection: Connection) -> Left:
    layouts = await KeyValue(connection, Bucket.LAYOUTS).history(">")
    return Left(layouts, await audited(connection, "user.create"))


def _as_admin(server: Secured) -> Settings:
    return msgspec.structs.replace(server.settings(ADMIN), token_key=KEY)


async def test_persons_find_what_they_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Onto a new broker with other keys: people sign in with their passwords, layouts have their versions, and the audit is whole."""
    file = tmp_path / "backup.tar"
    async with secured(tmp_path / "one") as one:
        settings = _as_admin(one)
        async with ready_connection(settings) as connection, running(settings) as control:
            ann = await first_admin(control, connection)
            await newcomer(ann, control, "ben", Role.OPERATOR)
            for name in ("morning", "evening"):
                layouts = KeyValue(connection, Bucket.LAYOUTS)
                await layouts.put("616e6e", name.encode())
            before = await _left(connection)
        code = await asyncio.to_thread(_mesh, monkeypatch, settings, "backup", str(file))
        assert code == 0, capsys.readouterr().err

    async with secured(tmp_path / "two") as two:
        settings = _as_admin(two)
        code = await asyncio.to_thread(_mesh, monkeypatch, settings, "restore", str(file))
        assert code == 0, capsys.readouterr().err
        async with ready_connection(settings) as connection, running(settings) as control:
            after = await _left(connection)
            answers = [await Person(control).sign_in(name) for name in ("ann", "ben", "eve")]
            drifts = await topology.diff(connection, topology.definitions())

    assert after == before
    assert len(after.layouts) == 2
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert drifts == []
    assert file.stat().st_mode & 0o777 == 0o600


async def test_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broker on which there is an account is left as it is, and so is a file that is there."""
    file = tmp_path / "backup.tar"
    async with secured(tmp_path / "one") as one:
        settings = _as_admin(one)
        async with ready_connection(settings) as connection:
            users = KeyValue(connection, Bucket.USERS)
            await users.put("616e6e", b"ann")
            made = await asyncio.to_thread(_mesh, monkeypatch, settings, "backup", str(file))
            size = file.stat().st_size
            again = await asyncio.to_thread(_mesh, monkeypatch, settings, "backup", str(file))
            await users.put("62656e", b"ben")
            restored = await asyncio.to_thread(_mesh, monkeypatch, settings, "restore", str(file))
            left = [entry.key for entry in await users.all()]

    assert (made, again, restored) == (0, 78, 78)
    assert file.stat().st_size == size
    assert left == ["616e6e", "62656e"]
    assert f"holds {bucket_stream(Bucket.USERS)} already" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"no tar" * 1000])
def test_what_is_no_backup_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """A file of something else is named, before a broker is asked."""
    file = tmp_path / "something"
    file.write_bytes(content)

    assert main(["restore", str(file)]) == 78
    assert str(file) in capsys.readouterr().err


def test_half_a_backup_is_not_left_behind(tmp_path: Path) -> None:
    """A disk that has no room for it: it is said so, and nothing is in the way of the next one."""
    file = tmp_path / "backup.tar"
    snapshot = Snapshot({"name": bucket_stream(Bucket.USERS)}, {"messages": 1}, bytes(1 << 20))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(FatalError, match=r"backup\.tar cannot be written: File too large"):
            archive.write(file, [snapshot])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert not file.exists()


async def test_a_backup_that_was_cut_off_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, connection: Connection
) -> None:
    """Of half a file nothing is restored, not even the streams that are whole."""
    file, half = tmp_path / "whole.tar", tmp_path / "half.tar"
    await KeyValue(connection, Bucket.USERS).put("616e6e", b"ann")
    await asyncio.to_thread(_mesh, monkeypatch, settings, "backup", str(file))
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    async with running_broker(tmp_path / "other") as other:
        fresh = Settings(nats_url=other.url)
        async with ready_connection(fresh) as reader:
            code = await asyncio.to_thread(_mesh, monkeypatch, fresh, "restore", str(half))
            left = await KeyValue(reader, Bucket.USERS).all()

    assert (code, left) == (78, [])


async def test_what_was_restored_before_it_failed_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: Settings,
    connection: Connection,
) -> None:
    """One stream is there and the next cannot be read by the server: whoever tries again knows what is in the way."""
    file = tmp_path / "backup.tar"
    await KeyValue(connection, Bucket.USERS).put("616e6e", b"ann")
    users = await take(connection, bucket_stream(Bucket.USERS))
    scopes = await take(connection, bucket_stream(Bucket.SCOPES))
    archive.write(file, [users, scopes._replace(content=b"nothing that a server made")])
    async with running_broker(tmp_path / "other") as other:
        fresh = Settings(nats_url=other.url)
        code = await asyncio.to_thread(_mesh, monkeypatch, fresh, "restore", str(file))

    assert code == 78
    assert f"Restored before: {bucket_stream(Bucket.USERS)};" in capsys.readouterr().err


async def test_a_cluster_gets_its_replicas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, connection: Connection
) -> None:
    """What was one server's is on three after `mesh restore` with MESH_REPLICAS=3: that is how one moves to a cluster."""
    file = tmp_path / "backup.tar"
    await KeyValue(connection, Bucket.USERS).put("616e6e", b"ann")
    await asyncio.to_thread(_mesh, monkeypatch, settings, "backup", str(file))
    async with running_cluster(tmp_path / "cluster") as cluster:
        monkeypatch.setenv("MESH_REPLICAS", "3")
        fresh = Settings(nats_url=cluster.url, replicas=3)
        code = await asyncio.to_thread(_mesh, monkeypatch, fresh, "restore", str(file))
        async with ready_connection(fresh) as reader:
            await cluster.until_whole(bucket_stream(Bucket.USERS))
            kept = await replicas_of(reader, bucket_stream(Bucket.USERS))
            left = [entry.key for entry in await KeyValue(reader, Bucket.USERS).all()]

    assert (code, left) == (0, ["616e6e"])
    assert len(kept["replicas"]) == 2


def test_every_stream_is_kept_or_is_not() -> None:
    """Whoever adds a stream or a bucket says whether a backup has it."""
    said = [*KEPT, *REBUILT, *ASKED_AGAIN, *FORGOTTEN]

    assert sorted(said) == sorted(each["name"] for each in topology.definitions())
