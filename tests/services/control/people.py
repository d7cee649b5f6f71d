"""People at their browsers, who sign in and do things."""

from collections.abc import Mapping
from typing import Any

import httpx

from mesh.connection import Connection
from mesh.kv import KeyValue
from schemas.account import Role
from schemas.naming import Bucket
from services.control.links import FIRST_ADMIN, Links
from tests.services.control.serving import Running


PASSWORD = "tall lamps hum quietly"  # noqa: S105 (of a test)
"""Of everybody, where it does not matter."""
FIRST = "ann"
"""The first admin."""


class Person:
    """A browser: it keeps cookies, and its pages send their origin and the token of the session."""

    def __init__(self, program: Running) -> None:
        self.http = program.client()
        self.origin = program.origin
        self.csrf = ""

    async def get(self, path: str) -> httpx.Response:
        """Ask for something."""
        return await self.http.get(path)

    async def post(self, path: str, method: str = "POST", **body: Any) -> httpx.Response:
        """Have something done, as a page does."""
        return await self.send(
            path, {"Origin": self.origin, "X-CSRF-Token": self.csrf}, method, **body
        )

    async def send(
        self, path: str, headers: Mapping[str, str], method: str = "POST", **body: Any
    ) -> httpx.Response:
        """Have something done, with these headers alone."""
        return await self.http.request(method, path, json=body, headers=headers)

    async def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        """Try to sign in, and take the token of the session if that went well."""
        answer = await self.post("/v1/sign-in", name=name, password=password)
        if answer.is_success:
            await self.look()
        return answer

    async def look(self) -> dict[str, Any]:
        """Who is signed in here."""
        me: dict[str, Any] = (await self.get("/v1/me")).json()
        self.csrf = me.get("csrf", "")
        return me

    async def use(self, link: str, name: str, password: str = PASSWORD) -> httpx.Response:
        """Choose a password with a link."""
        answer = await self.post(
            "/v1/welcome", link=link.partition("#")[2], name=name, password=password
        )
        if answer.is_success:
            await self.look()
        return answer

    async def invite(self, name: str, role: Role) -> str:
        """Make an account, as an admin; the link for its user."""
        answer = await self.post("/v1/users", name=name, role=role)
        assert answer.status_code == 201, answer.text
        link: str = answer.json()["link"]
        return link

    def cookie(self) -> str:
        """What the browser holds."""
        (found,) = self.http.cookies.values()
        return found


async def first_admin(program: Running, connection: Connection) -> Person:
    """Ann, who made herself the first admin with a link that was printed."""
    link = await Links(KeyValue(connection, Bucket.LINKS), "").issue(FIRST_ADMIN)
    ann = Person(program)
    answer = await ann.use(link, FIRST)
    assert answer.status_code == 200, answer.text
    return ann


async def newcomer(admin: Person, program: Running, name: str, role: Role) -> Person:
    """Somebody with an account that *admin* made, signed in."""
    link = await admin.invite(name, role)
    person = Person(program)
    answer = await person.use(link, name)
    assert answer.status_code == 200, answer.text
    return person
