"""Runtime control over HTTP: by role, once for each key, refused to whoever comes second; seen in the audit."""

from typing import Any

import httpx
import pytest

from mesh.changes import MASSIVE, stop_feed
from mesh.connection import Connection
from mesh.control import By, Control
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.account import Role
from services.listener.service import serve
from tests.mesh.asking import audited
from tests.services.control.people import Person, newcomer
from tests.services.control.serving import Running
from tests.services.listener import programs
from tests.services.listener.vendor import Vendor, fed, hold


pytestmark = pytest.mark.broker

FEED = "/v1/runtime/feeds/massive"


@pytest.fixture
async def olga(program: Running, ann: Person) -> Person:
    """An operator."""
    return await newcomer(ann, program, "olga", Role.OPERATOR)


async def _post(person: Person, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """Have something done, with further headers."""
    own = {"Origin": person.origin, "X-CSRF-Token": person.csrf}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await person.http.post(path, json=body, headers={**own, **named})


async def _feed(person: Person) -> dict[str, Any]:
    feeds = (await person.get("/v1/runtime")).json()["feeds"]
    return next(each for each in feeds if each["name"] == "massive")


async def test_operator_stops_and_starts_the_feed(
    settings: Settings, connection: Connection, olga: Person
) -> None:
    """The listener obeys, desired and actual state are shown side by side, and the audit says who, from where, before and after."""
    vendor = Vendor(hold)
    async with vendor.serving() as port, programs.running(serve, fed(settings, port)) as told:
        await eventually(lambda: told.facts)
        answer = await _post(olga, f"{FEED}/stop")
        await told.until("feed.stopped")
        stopped = await _feed(olga)
        await _post(olga, f"{FEED}/start")
        await eventually(lambda: vendor.connections == 2)
        await _post(olga, f"{FEED}/channels", {"channels": "A.*"})
        await _post(olga, f"{FEED}/restart")
        await eventually(lambda: vendor.subscribed[-1] == {"A.*"})
    (record,) = await audited(connection, "feed.stop")

    assert (answer.status_code, answer.json()["key"]) == (200, "feed.massive")
    assert stopped["wanted"]["by"] == "olga"
    assert not stopped["wanted"]["running"]
    assert [each["running"] for each in stopped["actual"]] == [False]
    assert (record.who, record.address, record.outcome) == ("olga", "127.0.0.1", "done")
    assert (record.before["running"], record.after["running"]) == (True, False)


async def test_what_a_role_may_not_do_is_refused(
    program: Running, ann: Person, olga: Person, connection: Connection
) -> None:
    """A viewer sees and changes nothing; an operator does not choose where the vendor's key is sent; an admin does."""
    victor = await newcomer(ann, program, "victor", Role.VIEWER)
    assert (await victor.get("/v1/runtime")).status_code == 200
    for path in (f"{FEED}/stop", "/v1/runtime/rebalance", "/v1/runtime/boards/gainers/pause"):
        assert (await _post(victor, path)).status_code == 403
        assert (await victor.get(path)).status_code == 405, "state never changes by GET"
    host = {"host": "delayed.massive.com"}
    assert (await _post(olga, f"{FEED}/host", host)).status_code == 403
    assert (await Control(connection).all()) == []
    assert (await _post(ann, f"{FEED}/host", host)).status_code == 200


async def test_second_operator_is_told_who_was_faster(
    connection: Connection, olga: Person, ann: Person
) -> None:
    """A change made for an older revision is 409 with what is wanted now and by whom; the attempt is in the audit."""
    seen = str((await _feed(olga))["revision"])
    first = await _post(ann, f"{FEED}/stop", If_Match=seen)
    second = await _post(olga, f"{FEED}/restart", If_Match=f'"{seen}"')
    now = (await _feed(olga))["revision"]
    third = await _post(olga, f"{FEED}/restart", If_Match=f'"{now}"')
    refused, done = await audited(connection, "feed.restart", 2)

    assert [each.status_code for each in (first, second, third)] == [200, 409, 200]
    assert second.json()["wanted"]["by"] == "ann"
    assert second.json()["revision"] == first.json()["revision"] == now
    assert "changed by ann since" in second.json()["message"]
    assert (refused.who, refused.outcome.partition(":")[0], done.outcome) == (
        "olga",
        "refused",
        "done",
    )


async def test_request_that_comes_twice_is_carried_out_once(
    connection: Connection, olga: Person, ann: Person
) -> None:
    """The same key gives the first answer, whatever happened since; another request with it is refused; keys are of one caller each."""
    first = await _post(olga, f"{FEED}/restart", Idempotency_Key="one")
    await Control(connection).change(stop_feed(MASSIVE), By("ann"))
    again = await _post(olga, f"{FEED}/restart", Idempotency_Key="one")
    other = await _post(olga, f"{FEED}/stop", Idempotency_Key="one")
    changed = await _post(olga, f"{FEED}/restart", Idempotency_Key="one", If_Match="1")
    another = await _post(ann, f"{FEED}/restart", Idempotency_Key="one")

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, changed.status_code) == (422, 422)
    assert "another request" in other.json()["message"]
    assert another.json()["wanted"]["restarts"] == 2


async def test_refusal_is_the_answer_of_its_key(connection: Connection, olga: Person) -> None:
    """A conflict stays one when the request comes again, although it would not be one any more."""
    kept = await Control(connection).change(stop_feed(MASSIVE), By("ann"))
    later = str(kept.revision + 1)
    first = await _post(olga, f"{FEED}/restart", If_Match=later, Idempotency_Key="k")
    await _post(olga, f"{FEED}/start")
    again = await _post(olga, f"{FEED}/restart", If_Match=later, Idempotency_Key="k")

    assert (first.status_code, again.status_code) == (409, 409)
    assert again.json() == first.json()


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "said"),
    [
        ("feeds/nasdaq/stop", None, {}, 400, "nasdaq"),
        ("feeds/finlight/channels", {"channels": "A.*"}, {}, 400, "only the feed massive"),
        ("feeds/massive/channels", {"channels": "a b"}, {}, 400, "channels must be"),
        ("feeds/massive/channels", {"chanels": "A.*"}, {}, 400, "chanels"),
        ("feeds/massive/channels", {}, {}, 400, "say what to change"),
        ("feeds/massive/stop", None, {"If_Match": "new"}, 400, "If-Match must be a revision"),
        ("feeds/massive/stop", None, {"If_Match": "9" * 5000}, 400, "If-Match must be a revision"),
        ("feeds/massive/stop", None, {"Idempotency_Key": "k" * 201}, 400, "Idempotency-Key must"),
        ("boards/gainer/pause", None, {}, 404, "gainers"),
        ("workers/nobody/drain", None, {}, 404, "no process of processors"),
        ("widgets/nobody/drain", None, {}, 404, "no process of widgets"),
        ("programs/simulator/log-level", {"level": "debug"}, {}, 400, "simulator"),
        ("programs/boards/log-level", {"level": "loud"}, {}, 400, "level"),
    ],
)
async def test_request_that_makes_no_sense_says_what_would(
    connection: Connection, olga: Person, path: str, body: Any, headers: dict[str, str],
    status: int, said: str,
) -> None:  # fmt: skip
    """Names, values and headers that are not what they must be change nothing, and the answer says why."""
    answer = await _post(olga, f"/v1/runtime/{path}", body, **headers)

    assert answer.status_code == status, answer.text
    assert said in answer.text
    assert (await Control(connection).all()) == []


async def test_boards_and_logs_are_changed(connection: Connection, olga: Person) -> None:
    """What there is to change beside feeds is written as wanted, each under its key."""
    for path, body in (
        ("boards/gainers/pause", None),
        ("programs/boards/log-level", {"level": "debug"}),
        ("rebalance", None),
    ):
        assert (await _post(olga, f"/v1/runtime/{path}", body)).status_code == 200
    shown = (await olga.get("/v1/runtime")).json()

    keys = {each["key"] for each in shown["wanted"]}
    assert keys == {"board.gainers", "log.boards", "rebalance.processors"}
    assert [each["program"] for each in shown["instances"]] == ["control"]


async def test_api_is_described(olga: Person) -> None:
    """OpenAPI names every change with its headers and its refusals."""
    described = (await olga.get("/schema/openapi.json")).json()
    stop = described["paths"]["/v1/runtime/feeds/{name}/stop"]["post"]

    assert {"200", "400", "409", "422"} <= stop["responses"].keys()
    assert {each["name"] for each in stop["parameters"]} == {"name", "If-Match", "Idempotency-Key"}
