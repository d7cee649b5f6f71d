"""What tests share that ask the simulator's REST API: a synthetic market behind it, with faults on demand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from massive import RESTClient

from services.simulator import rest
from services.simulator.catalogue import Catalogue
from services.simulator.faults import Faults
from services.simulator.market import Market, start_of
from services.simulator.service import bound
from services.simulator.synthetic import SyntheticCatalogue
from tests.services.simulator.listening import KEY


START = "2026-01-05T09:29:40"
FIRST_DAY, EVE = "2026-01-05", "2026-01-02"


def synthetic(symbols: int = 200, seed: int = 1) -> SyntheticCatalogue:
    """The catalogue of a market that stands still just before its first open."""
    return SyntheticCatalogue(Market(seed=seed, symbols=symbols, start_ms=start_of(START)), seed)


class Vendor(NamedTuple):
    """A simulated vendor."""

    url: str
    faults: Faults

    def client(self, **options: Any) -> RESTClient:
        """The vendor's own client."""
        return RESTClient(api_key=KEY, base=self.url, retries=0, **options)


@asynccontextmanager
async def vendor(catalogue: Catalogue, port: int = 0, key: str = KEY) -> AsyncIterator[Vendor]:
    """The API of *catalogue*, served for the duration of the context."""
    faults = Faults()
    with bound(port, "") as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with rest.serving(rest.app(catalogue, key, faults), listening):
            yield Vendor(url, faults)
            faults.mend()
