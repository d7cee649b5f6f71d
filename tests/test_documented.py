"""What can be set, read or shown is in the README."""

from pathlib import Path

import pytest

from mesh import topology
from mesh.declaration import Setting
from mesh.settings import SETTINGS
from schemas.alert import AlertKind
from schemas.widget import CLOSE_CODES, Close
from services.__main__ import main
from services.scanners import discover
from services.widgets.catalogue import FEEDS_ALWAYS


TELEMETRY = Path(__file__).parents[1] / "mesh" / "TELEMETRY.md"
README = (Path(__file__).parents[1] / "README.md").read_text()


def test_table_of_settings_is_the_printed_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The README's table is word for word what `mesh config --markdown` prints, without a line too many."""
    assert main(["config", "--markdown"]) == 0
    printed = capsys.readouterr().out.strip()

    assert printed in README
    assert printed.count("\n") == len(SETTINGS) + 1
    assert README.partition(printed)[2].startswith("\n\n")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.env)
def test_setting_is_documented(setting: Setting) -> None:
    """Each variable has a line, so that the one that is missing is named."""
    assert f"\n| `{setting.env}` |" in README


@pytest.mark.parametrize("name", [definition["name"] for definition in topology.definitions()])
def test_stream_is_documented(name: str) -> None:
    """Each stream and each bucket of nats/ appears by its name."""
    assert f"`{name}`" in README
    if name.startswith("KV_"):
        assert f"`{name.removeprefix('KV_')}`" in README


def test_table_of_boards_is_the_printed_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The README's table is word for word what `mesh boards --markdown` prints of the product's own, without a line too many."""
    monkeypatch.delenv("MESH_BOARDS", raising=False)
    assert main(["boards", "--markdown"]) == 0
    printed = capsys.readouterr().out.strip()

    assert printed in README
    assert printed.count("\n") == len(discover()) + 1
    assert README.partition(printed)[2].startswith("\n\n")


@pytest.mark.parametrize("name", [board.name for board in discover()])
def test_board_is_documented(name: str) -> None:
    """Each board has a line in the table of boards."""
    assert f"\n| `{name}` |" in README


@pytest.mark.parametrize("kind", AlertKind)
def test_kind_of_alert_is_documented(kind: AlertKind) -> None:
    """Each kind of alert has a line that says what it means."""
    assert f"\n| `{kind}` |" in README


@pytest.mark.parametrize("code", CLOSE_CODES, ids=lambda code: code.name)
def test_close_code_is_documented(code: Close) -> None:
    """Each code that the Widget Data Service closes with has a line that says when to come back."""
    assert f"\n| {code.code} | {code.name} | {code.again} | {code.meaning} |\n" in README


@pytest.mark.parametrize("feed", FEEDS_ALWAYS)
def test_feed_is_documented(feed: str) -> None:
    """Each kind of feed has a line in the table of feeds."""
    assert f"\n| `{feed.partition('/')[0]}" in README


def test_tables_of_telemetry_are_the_printed_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """TELEMETRY.md is word for word what `mesh telemetry` prints: every instrument, span and log event, where an event is a constant."""
    assert main(["telemetry"]) == 0

    assert capsys.readouterr().out == TELEMETRY.read_text()
