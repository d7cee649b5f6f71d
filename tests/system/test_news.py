"""News of the synthetic market through the whole mesh: on the tape, on rows, as alerts, and for whoever asks the service."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from mesh import direct
from mesh.connection import Connection, open_connection
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.testing import eventually
from schemas.naming import ALERTS_STREAM, NEWS_OF_ALL, NEWS_STREAM, Bucket
from tests.system.mesh_up import mesh_up


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

_PATIENCE_S = 90.0


async def _articles(connection: Connection) -> dict[str, dict[str, Any]]:
    """The newest article of each symbol that there is one about."""
    stored = await direct.every(connection, NEWS_STREAM, NEWS_OF_ALL)
    found = sorted((msgspec.json.decode(each.payload) for each in stored), key=lambda each: each["published_ms"])  # fmt: skip
    return {symbol: each for each in found for symbol in each["tickers"]}


async def _rows(connection: Connection) -> list[dict[str, Any]]:
    entries = await KeyValue(connection, Bucket.ROWS).all()
    rows = (msgspec.json.decode(entry.value or b"{}") for entry in entries)
    return [row for row in rows if row.get("headline")]


async def _alerts(connection: Connection) -> list[dict[str, Any]]:
    stored = await direct.every(connection, ALERTS_STREAM, "alert.news.*")
    return [msgspec.json.decode(each.payload) for each in stored]


async def test_mesh_up_shows_news(tmp_path: Path) -> None:
    """Without a key and without a setting: articles, headlines and ages on rows, alerts of them, and a feed."""
    async with mesh_up(tmp_path, "--speed", "2", MESH_SIM_SYMBOLS="500", MESH_SIM_START="2026-01-05T09:30:10") as mesh:  # fmt: skip
        page = await mesh.until_ready()
        settings = mesh.settings()
        async with open_connection(settings, "test", set_up("test", "error")) as connection:

            async def rows() -> list[dict[str, Any]]:
                return await _rows(connection)

            async def alerts() -> list[dict[str, Any]]:
                return await _alerts(connection)

            shown: list[dict[str, Any]] = await eventually(rows, timeout_s=_PATIENCE_S)
            told: list[dict[str, Any]] = await eventually(alerts, timeout_s=_PATIENCE_S)
            articles = await _articles(connection)
        token = (tmp_path / "token").read_text().strip()
        async with httpx.AsyncClient(base_url=page, trust_env=False) as http:
            answer = await http.get("v1/news", params={"symbol": "market"}, headers={"Authorization": f"Bearer {token}"})  # fmt: skip

    assert all(row["symbol"] in articles for row in shown)
    assert all(row["news_ms"] <= articles[row["symbol"]]["published_ms"] for row in shown)
    assert all(alert["symbol"] in articles and alert["headline"] for alert in told)
    assert all(alert["row"]["last_usd"] >= 1.0 for alert in told)
    values = answer.json()["values"]
    assert len({value["id"] for value in values}) > 1
