"""Layouts at the control plane: versions that are restored, and copies that others take; all by who knows what is there."""

import asyncio
from typing import Any

import httpx
import pytest

from mesh import topology
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.testing import eventually
from schemas.account import Role
from schemas.control_naming import layouts_key
from schemas.layouts import MOST_DESK_BYTES
from schemas.naming import Bucket
from schemas.wire import encode_json
from services.control.audit import Audit
from services.control.shared_layouts import LASTS_DAYS, MOST_BYTES, MOST_OF_USER
from tests.services.control.people import Person, newcomer
from tests.services.control.serving import Running


pytestmark = [pytest.mark.broker, pytest.mark.slow]


def layout(name: str, widgets: int = 1, **settings: Any) -> dict[str, Any]:
    """A layout as the page writes it."""
    placed = [{"id": str(n), "kind": "board", "settings": settings} for n in range(widgets)]
    return {"name": name, "description": "", "widgets": placed, "created_ms": 1, "modified_ms": 2}


def desk(*layouts: dict[str, Any]) -> bytes:
    """A document as the page writes it."""
    name = layouts[0]["name"]
    made = {"version": 1, "layouts": layouts, "active": name, "usual": name, "locked": False}
    return encode_json(made)


@pytest.fixture
def kept(connection: Connection) -> KeyValue:
    """What the Widget Data Service writes into."""
    return KeyValue(connection, Bucket.LAYOUTS)


@pytest.fixture
async def bob(ann: Person, program: Running) -> Person:
    """Another user."""
    return await newcomer(ann, program, "bob", Role.VIEWER)


async def history(person: Person) -> dict[str, Any]:
    """The versions that somebody sees."""
    answer = await person.get("/v1/layouts/history")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shared(person: Person, name: str) -> str:
    """The id of a new link."""
    answer = await person.post("/v1/layouts/share", name=name)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["path"] == f"/layouts#shared={made['id']}"
    found: str = made["id"]
    return found


async def take(person: Person, share_id: str, expected: int) -> httpx.Response:
    """Take what is shared."""
    return await person.post(f"/v1/layouts/shared/{share_id}/take", expected=expected)


async def test_ten_versions_are_told_and_are_nobody_elses(
    ann: Person, bob: Person, kept: KeyValue
) -> None:
    """Of eleven the ten newest, newest first, with what is in each; another user sees nothing and restores nothing of it."""
    assert await history(ann) == {"revision": 0, "versions": []}
    key = layouts_key("ann")
    revisions = [await kept.put(key, desk(layout("Day", n), layout("Night"))) for n in range(11)]

    found = await history(ann)

    assert found["revision"] == revisions[-1]
    assert [each["revision"] for each in found["versions"]] == revisions[:0:-1]
    assert found["versions"][0]["layouts"] == [
        {"name": "Day", "widgets": 10},
        {"name": "Night", "widgets": 1},
    ]
    assert await history(bob) == {"revision": 0, "versions": []}
    theirs = await bob.post("/v1/layouts/restore", revision=revisions[-1], expected=0)
    assert theirs.status_code == 404


async def test_one_of_two_restores_at_once_is_refused(
    ann: Person, kept: KeyValue, connection: Connection
) -> None:
    """The first becomes the newest version as it was; the other is told the revision that it did not know."""
    key = layouts_key("ann")
    first, second, third = [await kept.put(key, desk(layout(name))) for name in ("A", "B", "C")]

    answers = await asyncio.gather(
        *(
            ann.post("/v1/layouts/restore", revision=each, expected=third)
            for each in (first, second)
        )
    )

    assert sorted(each.status_code for each in answers) == [200, 409]
    won = next(each for each in answers if each.status_code == 200)
    lost = next(each for each in answers if each.status_code == 409)
    assert won.json()["revision"] == lost.json()["revision"] == (await history(ann))["revision"]
    entry = await kept.get(key)
    assert entry is not None
    assert entry.value == desk(layout("A" if won is answers[0] else "B"))
    actions = [each.action for each in await Audit(connection).read(9)]
    assert actions.count("layouts.restore") == 1


async def test_shared_layout_is_taken_by_another(
    ann: Person, bob: Person, kept: KeyValue, connection: Connection, program: Running
) -> None:
    """The copy stands beside what was there, under a free name, as the layout was when it was shared; only by who knows what is there."""
    await kept.put(layouts_key("ann"), desk(layout("Day", 2, board="gainers"), layout("Night")))
    own = await kept.put(layouts_key("bob"), desk(layout("Day")))
    share_id = await shared(ann, "Day")
    await kept.put(layouts_key("ann"), desk(layout("Night")))

    seen = (await bob.get(f"/v1/layouts/shared/{share_id}")).json()
    late = await take(bob, share_id, own - 1)
    taken = await take(bob, share_id, own)
    alone = await take(await newcomer(ann, program, "cem", Role.VIEWER), share_id, 0)

    was = layout("Day", 2, board="gainers")
    assert seen == {"owner": "ann", "name": "Day", "layout": was}
    assert (late.status_code, late.json()["revision"]) == (409, own)
    assert (taken.status_code, taken.json()["name"]) == (200, "Day 2")
    entry = await kept.get(layouts_key("bob"))
    assert entry is not None
    assert entry.value == desk(layout("Day"), {**was, "name": "Day 2"})
    assert alone.status_code == 200
    first = await kept.get(layouts_key("cem"))
    assert first is not None
    assert first.value == desk(was)
    actions = {each.action for each in await Audit(connection).read(20)}
    assert {"layouts.share", "layouts.take"} <= actions


async def test_revoked_expired_and_invented_links_lead_nowhere(
    ann: Person, bob: Person, kept: KeyValue, connection: Connection
) -> None:
    """Only its owner revokes a link; neither patterns nor guesses find one; after its time it is gone by itself."""
    own = await kept.put(layouts_key("ann"), desk(layout("Day")))
    revoked, expiring = await shared(ann, "Day"), await shared(ann, "Day")
    place = f"/v1/layouts/shares/{revoked}/revoke"

    assert (await bob.post(place)).status_code == 404
    assert (await ann.post(place)).status_code == 200
    for share_id in (revoked, "*", "%3E", "0" * 32, revoked.upper()):
        assert (await bob.get(f"/v1/layouts/shared/{share_id}")).status_code == 404
        assert (await take(bob, share_id, own)).status_code == 404
    listed = (await ann.get("/v1/layouts/shares")).json()["shares"]
    assert [(each["id"], each["name"]) for each in listed] == [(expiring, "Day")]
    assert listed[0]["ends_ms"] - listed[0]["at_ms"] == LASTS_DAYS * 24 * 3600 * 1000
    assert (await bob.get("/v1/layouts/shares")).json() == {"shares": []}

    (definition,) = [each for each in topology.definitions() if each["name"] == "KV_shared_layouts"]
    assert definition["max_age"] == LASTS_DAYS * 24 * 3600 * 10**9
    await topology.apply(connection, [{**definition, "max_age": 10**9, "duplicate_window": 10**9}], force=True)  # fmt: skip

    async def is_gone() -> bool:
        return (await bob.get(f"/v1/layouts/shared/{expiring}")).status_code == 404

    await eventually(is_gone)  # type: ignore[arg-type]  # T is what is awaited


async def test_user_shares_so_many_and_no_more(ann: Person, kept: KeyValue) -> None:
    """Also by asking for several at once nobody gets more, and a link that is revoked makes room."""
    await kept.put(layouts_key("ann"), desk(layout("Day")))
    ids = [await shared(ann, "Day") for _ in range(MOST_OF_USER - 1)]

    answers = await asyncio.gather(*(ann.post("/v1/layouts/share", name="Day") for _ in range(4)))

    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    assert len((await ann.get("/v1/layouts/shares")).json()["shares"]) == MOST_OF_USER
    assert (await ann.post(f"/v1/layouts/shares/{ids[0]}/revoke")).status_code == 200
    await shared(ann, "Day")


@pytest.mark.parametrize(
    "document",
    [
        b"null",
        b'{"n":1}',
        b"[" * 5000,
        b"\xff",
        b'{"version":1,"layouts":[]}',
        b'{"version":2,"layouts":[{"name":"A","widgets":[]}]}',
        b'{"version":1,"layouts":[{"name":7,"widgets":[]}]}',
    ],
)
async def test_document_of_another_kind_is_said(
    ann: Person, kept: KeyValue, document: bytes
) -> None:
    """It is listed as holding nothing, and is neither restored nor shared."""
    revision = await kept.put(layouts_key("ann"), document)

    assert (await history(ann))["versions"][0]["layouts"] == []
    restored = await ann.post("/v1/layouts/restore", revision=revision, expected=revision)
    assert restored.status_code == 400
    assert (await ann.post("/v1/layouts/share", name="A")).status_code == 422
    assert (await history(ann))["revision"] == revision


async def test_sizes_and_depths_are_bounded(ann: Person, bob: Person, kept: KeyValue) -> None:
    """Neither is a large layout shared, nor does a document grow beyond what the page may write; depth is carried along."""
    await kept.put(layouts_key("ann"), desk(layout("Big", 1, n="x" * MOST_BYTES), layout("Day", 1, n="y" * 2000)))  # fmt: skip
    deep = b'{"version":1,"layouts":[{"name":"Deep","widgets":[' + b"[" * 500 + b"]" * 500 + b"]}]}"
    full = await kept.put(layouts_key("bob"), desk(layout("Own", 1, n="z" * (MOST_DESK_BYTES - 1000))))  # fmt: skip

    refused = await ann.post("/v1/layouts/share", name="Big")
    share_id = await shared(ann, "Day")

    assert (refused.status_code, "64 KiB" in refused.text) == (409, True)
    assert (await take(bob, share_id, full)).status_code == 400
    assert (await history(bob))["revision"] == full
    nested = await kept.put(layouts_key("bob"), deep)
    assert (await take(bob, share_id, nested)).status_code == 200
    assert (await take(ann, await shared(bob, "Deep"), (await history(ann))["revision"])).status_code == 200  # fmt: skip
