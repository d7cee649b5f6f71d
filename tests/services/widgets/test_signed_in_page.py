"""The page of whoever is signed in at the control plane: the real page, service, control plane and broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import pytest
from playwright.async_api import Browser, Page, WebSocket, expect

from mesh import broker
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.account import Role
from schemas.naming import Bucket
from schemas.wire import json_decoder
from tests.services.control import serving as control_serving
from tests.services.control.people import PASSWORD, Person, first_admin, newcomer
from tests.services.widgets import serving
from tests.services.widgets.boards import encoded
from tests.services.widgets.desks import OWN_CONNECTION


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

expect.set_options(timeout=20_000)

_decode = json_decoder(dict[str, Any]).decode


class Mesh(NamedTuple):
    """The two programs, and an admin."""

    control: control_serving.Running
    wds: serving.Running
    admin: Person
    viewer: Person


class Wire:
    """What passes between a page and the service."""

    def __init__(self, page: Page) -> None:
        self.sockets = 0
        self.tokens: list[str] = []
        """That the page said."""
        self.hellos: list[dict[str, Any]] = []
        """With which it was welcomed."""
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        self.sockets += 1
        socket.on("framesent", self._on_sent)
        socket.on("framereceived", self._on_received)

    def _on_sent(self, text: str | bytes) -> None:
        frame = _decode(text)
        if frame["action"] == "auth":
            self.tokens.append(frame["token"])

    def _on_received(self, text: str | bytes) -> None:
        frame = _decode(text)
        if frame["type"] == "hello":
            self.hellos.append(frame)


@asynccontextmanager
async def _meshed(settings: Settings, connection: Connection) -> AsyncIterator[Mesh]:
    control_port, port = broker.free_ports(2)
    own = msgspec.structs.replace(
        settings, token_key=serving.KEY, port=port, control_port=control_port, source="simulated"
    )
    address = f"http://127.0.0.1:{control_port}"
    async with (
        control_serving.running(own, control_port=control_port) as control,
        serving.running(msgspec.structs.replace(own, control_url=address)) as wds,
    ):
        admin = await first_admin(control, connection)
        viewer = await newcomer(admin, control, "vera", Role.VIEWER)
        yield Mesh(control, wds, admin, viewer)


@pytest.fixture
async def mesh(settings: Settings, connection: Connection) -> AsyncIterator[Mesh]:
    """Both programs, with a board, an admin and a viewer."""
    await KeyValue(connection, Bucket.BOARDS).put("gainers", encoded(("AAA", 3.0, 13.0)))
    async with _meshed(settings, connection) as made:
        yield made


@pytest.fixture
async def page(browser: Browser) -> Page:
    """A page with a connection of its own, whose clock stands still until it is put forward."""
    made = await browser.new_page(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(20_000)
    await made.add_init_script(OWN_CONNECTION)
    return made


async def _sign_in(page: Page, mesh: Mesh) -> None:
    """Sign in by the page's link, and come back to the page."""
    await page.goto(mesh.wds.page)
    await page.locator("#sign-in").click()
    await page.locator("#name").fill("vera")
    await page.locator("#password").fill(PASSWORD)
    await expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_enabled()
    await page.locator("#password").press("Enter")
    await page.wait_for_url(mesh.wds.page)


async def test_person_signs_in_and_stays(page: Page, mesh: Mesh) -> None:
    """Signed out there is a link; signed in the boards are live; the token is renewed over the same connection."""
    wire = Wire(page)
    await page.goto(mesh.wds.page)
    link = page.locator("#sign-in")
    await expect(link).to_be_visible()
    href = await link.get_attribute("href")
    assert href == f"{mesh.control.origin}/sign-in?next={quote(mesh.wds.page, safe='')}"
    assert (wire.sockets, await page.locator(".rows tr").count()) == (0, 0)

    await page.clock.install()
    await _sign_in(page, mesh)
    await expect(page.locator('[feed="board/gainers"] .rows tr').first).to_contain_text("AAA")
    await expect(link).to_be_hidden()
    await eventually(lambda: len(wire.hellos) == 1)
    assert wire.hellos[0]["user"] == "vera"
    await page.clock.fast_forward("13:00")
    await eventually(lambda: len(wire.hellos) == 2)
    assert wire.sockets == 1
    assert len(set(wire.tokens)) == 2


async def test_page_of_who_signs_out_everywhere_ends(page: Page, mesh: Mesh) -> None:
    """Its connection ends at once, wherever it is asked for, and the page says how to come back."""
    await _sign_in(page, mesh)
    await expect(page.locator('[feed="board/gainers"] .rows tr').first).to_contain_text("AAA")
    answer = await mesh.viewer.post("/v1/sign-out-everywhere")
    assert answer.status_code == 200

    await expect(page.locator("#status-text")).to_contain_text("refused")
    await expect(page.locator("#sign-in")).to_be_visible()
    await page.goto(mesh.wds.page)
    await expect(page.locator("#sign-in")).to_be_visible()
    await _sign_in(page, mesh)
    await expect(page.locator("#sign-in")).to_be_hidden()
    await expect(page.locator("#status-text")).not_to_contain_text("refused")


async def test_page_of_who_has_another_role_asks_for_a_sign_in(page: Page, mesh: Mesh) -> None:
    """A new role ends the sessions of the old one: the page says where to sign in, and shows what it had."""
    await _sign_in(page, mesh)
    await expect(page.locator('[feed="board/gainers"] .rows tr').first).to_contain_text("AAA")
    [vera] = [
        each
        for each in (await mesh.admin.get("/v1/users")).json()["users"]
        if each["name"] == "vera"
    ]
    answer = await mesh.admin.post(
        "/v1/users/vera", method="PATCH", revision=vera["revision"], role="operator"
    )
    assert answer.status_code == 200

    await expect(page.locator("#sign-in")).to_be_visible()
    await expect(page.locator('[feed="board/gainers"] .rows tr').first).to_contain_text("AAA")


async def test_page_with_a_token_of_its_own_asks_nobody(
    page: Page, settings: Settings, connection: Connection
) -> None:
    """On one machine nobody needs to sign in: the document has a token and no address of the control plane."""
    await KeyValue(connection, Bucket.BOARDS).put("gainers", encoded(("AAA", 3.0, 13.0)))
    own = serving.on_free_port(
        settings, ws_page_token=True, control_url=f"http://127.0.0.1:{broker.free_port()}"
    )
    async with serving.running(own) as wds:
        await page.goto(wds.page)
        await expect(page.locator('[feed="board/gainers"] .rows tr').first).to_contain_text("AAA")
        await expect(page.locator("#sign-in")).to_be_hidden()
        assert await page.locator('meta[name="mesh-control"]').count() == 0
