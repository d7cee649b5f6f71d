"""Fixtures that every test may use: a real broker on a free port, with the topology applied."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from mesh.config import Settings
from mesh.connection import Connection
from mesh.testing import RunningBroker, ready_connection, running_broker


hypothesis_settings.register_profile(
    "mesh", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("mesh")

RECORDED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder with recorded market data, which is kept beside the repository."""
    if not RECORDED.is_dir():
        pytest.skip("recorded market data is not beside the repository (../shared/data)")
    return RECORDED


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """A nats-server of this test's own."""
    async with running_broker(tmp_path / "jetstream") as server:
        yield server


@pytest.fixture
def settings(broker: RunningBroker) -> Settings:
    """Settings that point at this test's broker."""
    return Settings(nats_url=broker.url)


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[Connection]:
    """A connection to this test's broker, topology applied."""
    async with ready_connection(settings) as opened:
        yield opened
