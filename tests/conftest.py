"""Fixtures that every test may use: a real broker on a free port, with the topology applied."""

import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from operator import itemgetter
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

LONG_BY = 0.75
"""The part of the tests by whose end all long ones have begun."""

USUAL_PORTS = (8080, 8081, 8222, 8765, 8766)

RECORDED = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hand out long tests one by one, of the others a file at a time, and the long ones evenly among the first files.

    So processes of pytest do not all wait, nor all compute, at the same time, none is left with a
    long test when the others are done, and what a file keeps for its tests is made once.
    """
    units: dict[str, list[pytest.Item]] = {}
    for item in items:
        if not _is_long(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))
        group = item.get_closest_marker("xdist_group")
        units.setdefault(group.args[0] if group else item.nodeid, []).append(item)
    long = [unit for unit in units.values() if _is_long(unit[0])]
    files = [unit for unit in units.values() if not _is_long(unit[0])]
    placed = [(LONG_BY * place / len(long), unit) for place, unit in enumerate(long)]
    placed += [(place / len(files), unit) for place, unit in enumerate(files)]
    placed.sort(key=itemgetter(0))
    items[:] = [item for _, unit in placed for item in unit]


def _is_long(item: pytest.Item) -> bool:
    """Whether a test is given more time than others, by itself or with its file."""
    return item.get_closest_marker("timeout") is not None


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
