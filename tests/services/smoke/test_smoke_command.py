"""The command line of `mesh smoke`, where it cannot ask."""

import msgspec
import pytest

from services.__main__ import main


def test_credentials_that_are_not_there_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a check that failed, in a sentence and at once, and not a bug."""
    monkeypatch.setenv("MESH_NATS_CREDS", "/nowhere/smoke.creds")
    monkeypatch.setenv("MESH_WS_AUTH", "none")
    code = main(["smoke", "--json", "--seconds", "60"])
    [check] = msgspec.json.decode(capsys.readouterr().out)["checks"]

    assert code == 1
    assert (check["what"], check["ok"]) == ("broker", False)
    assert check["found"].startswith("/nowhere/smoke.creds cannot be read")
    assert check["took_s"] < 30
