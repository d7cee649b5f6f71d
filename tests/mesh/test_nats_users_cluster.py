"""Users of a cluster: taken back on every server, also on one that was away."""

from pathlib import Path

import pytest

from mesh import clock
from mesh.logs import set_up
from mesh.nats_access import revoke
from mesh.nats_keys import DAY_S, ISSUER, Issuer, create, creds_file
from mesh.permissions import ADMIN
from mesh.settings import Settings
from mesh.testing import eventually, running_cluster
from tests.mesh.keys import is_let_in, signed_in


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

LOG = set_up("test", "error")


async def test_reader_is_taken_back_on_every_server(tmp_path: Path) -> None:
    """Connections to each server end, and a server that was not there hears of it soon after its return."""
    keys, now_s = tmp_path / "keys", int(clock.now_ms() / 1000)
    create(keys, now_s)
    issuer = Issuer(keys / ISSUER)
    ann, bob = (issuer.issue(name, now_s, now_s + DAY_S) for name in ("ann", "bob"))
    for each in (ann, bob):
        (keys / each.name).write_text(each.creds)
    async with running_cluster(tmp_path, keys=keys) as cluster:
        first, *others = cluster.nodes.values()
        settings = Settings(nats_url=first.url, nats_creds=str(creds_file(keys, ADMIN)))
        async with signed_in(others[0].url, keys / "ann") as reader:
            await revoke(settings, issuer, [ann.key], LOG)
            await eventually(lambda: reader.client.is_closed, timeout_s=5)
        for node in cluster.nodes.values():
            assert not await is_let_in(node.url, keys / "ann")
            assert await is_let_in(node.url, keys / "bob")

        away = others[1]
        await away.kill()
        await revoke(settings, issuer, [bob.key], LOG)
        await away.start()

        async def knows() -> bool:
            return not await is_let_in(away.url, keys / "bob")

        await eventually(knows, timeout_s=40)  # type: ignore[arg-type]  # T is what is awaited
        assert not await is_let_in(away.url, keys / "ann")
