"""A board is added by one file: it is ranked, stored, offered to clients and listed, and nothing else is touched."""

import os
from importlib import invalidate_caches
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.client import connect

from mesh import broker
from mesh.connection import Connection, Message
from mesh.errors import SettingsError
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.columns import RowsBatch
from schemas.leaderboard import Board, Row
from schemas.naming import Bucket, rows_subject
from schemas.wire import encode_msgpack, json_decoder
from services.__main__ import main
from services.scanners import discover
from tests.mesh.programs import mesh_run, running_program
from tests.schemas.rows import changed


_FALLEN = '''"""Fallen: what is furthest below its high of the day.

Score: distance of the last price from the high of the day, percent, for prices from $5 on.
Source: bars and trades.
Missing: a symbol without a last price, and one below $5.
"""

import numpy as np

from mesh.leaderboard import Leaderboard
from schemas.columns import Columns, Numbers


def score(columns: Columns) -> Numbers:
    """The distance from the high."""
    return np.where(columns.last_usd >= 5.0, -columns.high_distance_pct, np.nan)


BOARD = Leaderboard("{name}", score)
'''

_decode = json_decoder(Board).decode


@pytest.fixture
def package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """A package of one's own, outside of the product, with nothing in it; named after the test."""
    folder = tmp_path / "own" / f"own_boards_of_{request.node.name.partition('[')[0]}"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Boards of our own."""\n')
    monkeypatch.syspath_prepend(folder.parent)
    path = os.pathsep.join(filter(None, (str(folder.parent), os.environ.get("PYTHONPATH", ""))))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("MESH_BOARDS", folder.name)
    invalidate_caches()
    return folder


def _row(symbol: str, last_usd: float, distance_pct: float) -> Row:
    return Row(
        symbol,
        "2024-10-02",
        "regular",
        1_727_877_000_000,
        last_usd=last_usd,
        high_distance_pct=distance_pct,
    )


async def _offered(port: int) -> list[str]:
    """The feeds that a new client of `/ws` is told."""
    async with connect(f"ws://127.0.0.1:{port}/ws") as client:
        hello = msgspec.json.decode(await client.recv())
    feeds: list[str] = hello["feeds"]
    return [feed for feed in feeds if feed.startswith("board/")]


@pytest.mark.broker
async def test_file_is_a_board_everywhere(
    package: Path, settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    """Programs that find the file rank it, publish it, put it into KV and offer it to browsers beside the product's."""
    (package / "fallen.py").write_text(_FALLEN.replace("{name}", "fallen"))
    own = msgspec.structs.replace(
        settings,
        boards=package.name,
        board_flush_ms=10,
        port=broker.free_port(),
        ws_auth="none",
    )
    heard: list[Message] = []

    async def keep(message: Message) -> None:
        heard.append(message)

    await connection.subscribe("board.fallen", keep)
    async with (
        running_program(mesh_run("boards"), own, tmp_path / "boards.log") as boards,
        running_program(mesh_run("widgets"), own, tmp_path / "widgets.log") as widgets,
    ):
        facts = (await boards.until(ready=True)).facts
        await widgets.until(ready=True)
        rows = [_row("A", 9.0, -1.0), _row("B", 8.0, -7.5), _row("PENNY", 1.0, -50.0)]
        batch = RowsBatch(3, 7, 1, 1000.0, *changed(rows))
        await connection.acknowledged(rows_subject(3), encode_msgpack(batch))
        await eventually(lambda: heard)

        async def offered() -> list[str]:
            return await _offered(own.port)

        names = [board.name for board in discover()]
        feeds: list[str] = await eventually(offered, lambda feeds: len(feeds) > len(names))

    assert facts["boards"] == sorted([*names, "fallen"])
    assert feeds == sorted(f"board/{name}" for name in [*names, "fallen"])
    entry = await KeyValue(connection, Bucket.BOARDS).get("fallen")
    assert entry is not None
    for value in (heard[-1].data, entry.value):
        board = _decode(value or b"")
        assert [(row.rank, row.symbol, row.score) for row in board.rows] == [
            (1, "B", 7.5),
            (2, "A", 1.0),
        ]


def test_file_is_in_what_documents_the_boards(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`mesh boards` describes it in the words of its own file, in its place among the others."""
    (package / "fallen.py").write_text(_FALLEN.replace("{name}", "fallen"))
    what = "distance of the last price from the high of the day, percent, for prices from $5 on"

    assert main(["boards", "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"| `fallen` | {what} |" in lines
    names = [line.split("`")[1] for line in lines[2:]]
    assert names == sorted([*(board.name for board in discover()), "fallen"])
    assert main(["boards"]) == 0
    assert f"fallen           {what}" in capsys.readouterr().out.splitlines()
    assert main(["config"]) == 0
    assert f" {package.name} " in capsys.readouterr().out


def test_board_of_a_name_that_is_taken_is_refused(package: Path) -> None:
    """Two boards cannot share a key: the mistake names it, before anything runs."""
    (package / "gainers.py").write_text(_FALLEN.replace("{name}", "gainers"))

    with pytest.raises(ValueError, match="two are named 'gainers'"):
        discover(package.name)


@pytest.mark.parametrize("name", ["nowhere", "nowhere.boards", "mesh.nowhere", "mesh.clock"])
def test_package_that_is_not_there_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt package is a sentence that names the setting, and exit code 78."""
    monkeypatch.setenv("MESH_BOARDS", name)

    with pytest.raises(SettingsError, match="no package that Python finds"):
        discover(name)
    assert main(["boards"]) == 78
    assert f"MESH_BOARDS was {name!r}" in capsys.readouterr().err


def test_package_that_needs_what_is_missing_says_so(package: Path) -> None:
    """An import that fails inside the package is shown as it is, not as a package that is not there."""
    (package / "__init__.py").write_text("import not_installed_anywhere\n")

    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        discover(package.name)
