"""Fixtures that every test may use: a real broker on a free port, with the topology applied."""

import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from playwright.async_api import Browser, async_playwright

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import RunningBroker, ready_connection, running_broker


_SLOW = [HealthCheck.too_slow]
hypothesis_settings.register_profile(
    "mesh", deadline=None, derandomize=True, max_examples=40, suppress_health_check=_SLOW
)
# `pytest --hypothesis-profile=deep` takes its time, and draws other examples each time.
hypothesis_settings.register_profile(
    "deep", deadline=None, max_examples=1000, suppress_health_check=_SLOW
)
hypothesis_settings.load_profile("mesh")

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]

USUAL_PORTS = (8080, 8222, 8765, 8766)

RECORDED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def usual_ports_are_taken() -> Iterator[None]:
    """Listen on the ports that a mesh prefers: two that start at the same moment both find them free, and one fails."""
    with ExitStack() as stack:
        for port in USUAL_PORTS:
            listening = stack.enter_context(socket.socket())
            with suppress(OSError):  # the other test process has it
                listening.bind(("127.0.0.1", port))
                listening.listen()
        yield


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


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser that reaches nothing but this machine."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on PATH: the page can only be tested in a browser")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield launched
        await launched.close()
