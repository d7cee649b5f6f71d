"""All programs of a mesh as processes with a health port each, on a small synthetic market that is fed live."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from mesh import broker as ports
from mesh.settings import Settings
from services.__main__ import PROGRAMS
from tests.mesh.programs import RunningProgram, mesh_run, running_program
from tests.services.simulator.listening import KEY
from tests.services.simulator.resting import FIRST_DAY


TOKEN_KEY = "k" * 32


def small_market(nats_url: str) -> Settings:
    """Settings of a mesh on free ports: sixty symbols, two partitions."""
    feed, rest, page, control = ports.free_ports(4)
    return Settings(
        nats_url=nats_url,
        partitions=2,
        api_key=KEY,
        feed=f"127.0.0.1:{feed}",
        feed_tls=False,
        rest_url=f"http://127.0.0.1:{rest}",
        reference_days=FIRST_DAY,
        reference_calls=100_000,
        reference_history=40,
        reference_curves=5,
        token_key=TOKEN_KEY,
        canary_s=1,
        port=page,
        control_port=control,
        sim_key=KEY,
        sim_port=feed,
        sim_rest_port=rest,
        sim_symbols=60,
        sim_start=f"{FIRST_DAY}T09:31:00",
    )


@asynccontextmanager
async def running_mesh(
    settings: Settings, folder: Path, programs: tuple[str, ...] = PROGRAMS
) -> AsyncIterator[dict[str, RunningProgram]]:
    """Each of *programs*, by its name, once all are ready."""
    async with AsyncExitStack() as stack:
        running = {
            name: await stack.enter_async_context(
                running_program(mesh_run(name), settings, folder / f"{name}.log")
            )
            for name in programs
        }
        for each in running.values():
            await each.until(ready=True, timeout_s=60)
        yield running
