"""`mesh token` as a person types it; neither tokens nor keys are said where they must not be."""

import asyncio
import io
import sys

import msgspec
import pytest

from mesh import clock
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.testing import RunningBroker
from mesh.tokens import Tokens, random_key
from schemas.naming import Bucket
from services.__main__ import main


KEY = random_key()
NEW = ["token", "new", "--user", "ann", "--scope", "board/*"]


@pytest.fixture(autouse=True)
def _key_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_TOKEN_KEY", KEY)
    monkeypatch.setenv("MESH_TOKEN_KEY_FILE", "/nowhere")


def _stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_new_token_is_printed_and_can_be_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`new` prints a token that the key reads, and its id apart from it; `show` prints what it claims, without the key."""
    assert main([*NEW, "--scope", "alert/>", "--hours", "1.5"]) == 0
    printed = capsys.readouterr()

    token = Tokens(KEY.encode()).read(printed.out.rstrip("\n"), clock.now_ms())
    assert (token.user, token.scopes) == ("ann", ("board/*", "alert/>"))
    assert 5395 < token.expires_ms / 1000 - clock.now_ms() / 1000 <= 5400
    assert token.id in printed.err
    assert printed.out.strip() not in printed.err
    assert printed.out.count("\n") == 1

    monkeypatch.delenv("MESH_TOKEN_KEY")
    _stdin(monkeypatch, f"  {printed.out}\n".encode())
    assert main(["token", "show"]) == 0
    shown = msgspec.json.decode(capsys.readouterr().out)
    assert (shown["sub"], shown["scope"]) == ("ann", "board/* alert/>")
    assert (shown["jti"], shown["exp"] * 1000) == (token.id, token.expires_ms)


def test_without_a_key_it_is_said_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No token is made up that no service would take; the settings that are missing are named."""
    monkeypatch.delenv("MESH_TOKEN_KEY")

    assert main(NEW) == 78
    said = capsys.readouterr()
    assert "MESH_TOKEN_KEY" in said.err
    assert "MESH_TOKEN_KEY_FILE" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        ([*NEW, "--hours", "25"], "at most 24 hours"),
        ([*NEW, "--hours", "0"], "more than 0"),
        ([*NEW, "--hours", "nan"], "more than 0"),
        ([*NEW, "--scope", "board/* alert/*"], "patterns"),
        ([*NEW, "--scope", ""], "patterns"),
        ([*NEW, "--user", ""], "a user must be"),
        (["token", "show", "hunter2"], "standard input"),
        (["token", "show", "hunter2", "hunter2"], "standard input"),
        (["token", "revoke", "hunter2.hunter2.hunter2"], "`mesh token show` prints it"),
        (["token", "revoke", ""], "the id of a token must be"),
    ],
)
def test_what_cannot_be_done_is_said_without_secrets(
    argv: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong flag is a sentence and exit code 78; a token in the wrong place is not repeated, nor is the key."""
    assert main(argv) == 78

    said = capsys.readouterr()
    assert reason in said.err
    assert said.out == ""
    assert "hunter2" not in said.err
    assert KEY not in said.err


@pytest.mark.parametrize(
    "content", [b"", b"hunter2", b"hunter2." * 100_000, b"\xffhunter2", b"eyJ9.hunter2.hunter2"]
)
def test_what_is_no_token_is_not_shown(
    content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has not the form of a token is refused without being printed."""
    _stdin(monkeypatch, content)

    assert main(["token", "show"]) == 78
    said = capsys.readouterr()
    assert "form of a token" in said.err
    assert "hunter2" not in said.err + said.out


@pytest.mark.parametrize("key", ["hunter2", "ssh-rsa hunter2" + "A" * 40])
def test_unfit_key_is_not_shown(
    key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that is short or of another kind is refused by what is wrong with it, wherever settings are read."""
    monkeypatch.setenv("MESH_TOKEN_KEY", key)

    assert main(NEW) == 78
    main(["config"])
    main(["doctor"])
    said = capsys.readouterr()
    assert "hunter2" not in said.err + said.out


@pytest.mark.broker
async def test_revoked_token_reaches_whoever_watches(
    broker: RunningBroker,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`revoke` puts the id and the reason where services look, and twice does no harm."""
    monkeypatch.setenv("MESH_NATS_URL", broker.url)
    bucket = KeyValue(connection, Bucket.REVOKED)
    for reason in ("", "left the desk"):
        argv = ["token", "revoke", "0a1b-_c", *(["--reason", reason] if reason else [])]
        assert await asyncio.to_thread(main, argv) == 0
        entry = await bucket.get("0a1b-_c")

        assert entry is not None
        assert entry.value == reason.encode()

    assert [entry.key for entry in await bucket.all()] == ["0a1b-_c"]
    assert capsys.readouterr().out == "revoked 0a1b-_c\n" * 2


@pytest.mark.broker
async def test_revoking_where_it_cannot_be_stored_fails(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever takes a token back is never left in the belief that it was done: here, without the bucket."""
    monkeypatch.setenv("MESH_NATS_URL", broker.url)

    assert await asyncio.to_thread(main, ["token", "revoke", "0a1b"]) == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err
