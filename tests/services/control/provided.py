"""The control plane with a provider that people sign in with, and people who do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from mesh import broker
from mesh.settings import Settings
from services.control.oidc import CALLBACK, START
from tests.services.control.people import Person
from tests.services.control.providing import CLIENT, SECRET, RunningProvider, running_provider
from tests.services.control.serving import Running, running
from tests.services.control.signing_in import answered


ROLES: dict[str, Any] = {
    "oidc_client_id": CLIENT,
    "oidc_client_secret": SECRET,
    "oidc_scopes": "openid profile groups",
    "oidc_role_claim": "groups",
    "oidc_roles": '{"operator": ["desk"], "admin": ["heads"]}',
}
"""What the settings say of the provider, but for its address."""


class Provided(NamedTuple):
    """Both of them."""

    program: Running
    provider: RunningProvider
    settings: Settings


@asynccontextmanager
async def provided(settings: Settings, **changes: Any) -> AsyncIterator[Provided]:
    """A provider, and a control plane that sends people there."""
    port = broker.free_port()
    page = changes.get("control_url", f"http://127.0.0.1:{port}")
    with running_provider(page + CALLBACK, goodbye=f"{page}/sign-in") as provider:
        all_of_it = {**ROLES, "oidc_issuer": provider.issuer, "control_port": port, **changes}
        async with running(settings, **all_of_it) as program:
            yield Provided(program, provider, settings)


async def begin(person: Person, then: str = "") -> str:
    """Click the button; the address at the provider."""
    answer = await person.http.get(START, params={"next": then} if then else {})
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["location"]
    return address


async def agree(address: str, login: str = "alice") -> str:
    """Sign in at the provider and consent; the path to which it sends the browser back."""
    split = urlsplit((await answered(address, login)).address)
    return f"{split.path}?{split.query}"


async def come_back(person: Person, path: str) -> httpx.Response:
    """Be sent back."""
    answer = await person.http.get(path)
    if answer.has_redirect_location:
        await person.look()
    return answer


async def enter(person: Person, login: str = "alice", then: str = "") -> httpx.Response:
    """All of it."""
    return await come_back(person, await agree(await begin(person, then), login))
