"""`mesh nats-keys`: what it makes, prints and refuses."""

import asyncio
import re
from pathlib import Path

import pytest

from mesh.nats_jwt import claims_in
from services.__main__ import main
from tests.mesh.keys import is_let_in, secured


SEED = re.compile(r"S[OAU][A-Z2-7]{56}")


def test_keys_are_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole set, without a secret on the terminal; a second time it is refused."""
    folder = tmp_path / "keys"

    assert main(["nats-keys", str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} >= {"auth.conf", "listener.creds", "issuer"}
    assert main(["nats-keys", str(folder)]) == 78
    said = capsys.readouterr()
    assert "never overwritten" in said.err
    assert not SEED.search(said.out + said.err)
    assert main(["nats-keys", str(folder), "--renew"]) == 0


def test_credentials_are_printed_for_readers_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They go to standard output and what to do with them to the other; who is not said to read gets none."""
    folder = tmp_path / "keys"
    main(["nats-keys", str(folder)])
    capsys.readouterr()

    assert main(["nats-keys", str(folder), "--user", "ann", "--read-only", "--days", "7"]) == 0
    made = capsys.readouterr()
    claims = claims_in(made.out)
    assert claims["name"] == "ann"
    assert claims["exp"] - claims["iat"] == 7 * 86_400
    assert claims["sub"] in made.err
    assert not SEED.search(made.err)

    for words in (["--user", "ann"], ["--user", "a/b", "--read-only"], ["--user", "ann", "--read-only", "--days", "0"], ["--revoke", "ann"]):  # fmt: skip
        assert main(["nats-keys", str(folder), *words]) == 78
    assert not SEED.search(str(capsys.readouterr()))


@pytest.mark.broker
@pytest.mark.slow
async def test_credentials_are_taken_back_from_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and also for servers that begin with what the folder says."""
    async with secured(tmp_path) as mesh:
        issued = mesh.issue()
        (mesh.keys / "ann").write_text(issued.creds)
        assert await is_let_in(mesh.broker.url, mesh.keys / "ann")
        monkeypatch.setenv("MESH_NATS_URL", mesh.broker.url)
        code = await asyncio.to_thread(main, ["nats-keys", str(mesh.keys), "--revoke", issued.key])

        assert (code, capsys.readouterr().out) == (0, f"took back {issued.key}\n")
        assert not await is_let_in(mesh.broker.url, mesh.keys / "ann")
        await mesh.broker.kill()
        for account in (tmp_path / "jetstream" / "accounts").iterdir():
            account.unlink()
        await mesh.broker.start()
        assert not await is_let_in(mesh.broker.url, mesh.keys / "ann")
