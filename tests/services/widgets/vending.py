"""What tests of the vendor proxy share: a simulated vendor, `reference` that asks it, `widgets` that asks that."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

from mesh.settings import Settings
from mesh.testing import eventually
from services.reference.service import serve
from services.simulator.catalogue import Catalogue
from services.simulator.faults import Faults
from tests.services.listener.programs import Told
from tests.services.listener.programs import running as running_program
from tests.services.reference.reading import asking
from tests.services.simulator.resting import vendor
from tests.services.widgets.serving import Running, on_free_port, running


MARKED_KEY = "MARKED-key-of-the-vendor-0123456789"
"""Must not be found anywhere but at the vendor."""


class Proxied(NamedTuple):
    """The way from a client to the vendor."""

    program: Running
    reference: Told
    faults: Faults

    def asked(self, part: str) -> list[str]:
        """What the vendor was asked that has *part* in its path or query, in order."""
        return [each for each in self.faults.asked if part in each]

    @asynccontextmanager
    async def client(
        self, *scopes: str, user: str = "tester", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx.AsyncClient]:
        """Who asks, for *user*, who may see *scopes*, or everything."""
        bearer = {"Authorization": f"Bearer {self.program.token(*scopes, user=user)}"}
        async with httpx.AsyncClient(
            base_url=self.program.page,
            headers={**bearer, **(headers or {})},
            trust_env=False,
            timeout=30,
        ) as made:
            yield made


@asynccontextmanager
async def asking_at(
    settings: Settings, url: str, **changes: Any
) -> AsyncIterator[tuple[Running, Told]]:
    """`widgets`, and `reference` that asks the vendor at *url*, with a key that is marked."""
    usual = {"api_key": MARKED_KEY, "reference_history": 2, "reference_curves": 0}
    chosen = asking(settings, url, **{**usual, **changes})
    of_widgets = {name: value for name, value in changes.items() if name.startswith("ws_")}
    async with (
        running_program(serve, chosen) as reference,
        running(on_free_port(settings, **of_widgets)) as program,
    ):
        await eventually(lambda: reference.facts, timeout_s=20.0)
        yield program, reference


@asynccontextmanager
async def proxied(
    settings: Settings, catalogue: Catalogue, **changes: Any
) -> AsyncIterator[Proxied]:
    """All three."""
    async with (
        vendor(catalogue, key=MARKED_KEY) as served,
        asking_at(settings, served.url, **changes) as (program, reference),
    ):
        yield Proxied(program, reference, served.faults)
        served.faults.mend()
