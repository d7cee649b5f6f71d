"""The audit: what is written can be read, newest first, by who and by what was done."""

import pytest

from mesh.connection import Connection
from mesh.errors import BrokerError
from schemas.audit import Record, refused
from services.control.audit import Audit


pytestmark = pytest.mark.broker


@pytest.fixture
def audit(connection: Connection) -> Audit:
    """Of this test's broker."""
    return Audit(connection)


async def test_audit_is_read_newest_first_by_who_and_what(audit: Audit) -> None:
    """More records than are read at once come newest first, and filters find the few among many."""
    for number in range(1200):
        who = "ann" if number % 400 == 0 else "bob"
        await audit.write(Record(at_ms=number, who=who, action="feed.stop", target=str(number)))
    await audit.write(Record(at_ms=9999, who="ann", action="sign-in", outcome=refused("no")))

    assert [each.at_ms for each in await audit.read(3)] == [9999, 1199, 1198]
    assert [each.at_ms for each in await audit.read(9, who="ann")] == [9999, 800, 400, 0]
    assert [each.at_ms for each in await audit.read(9, action="sign-in")] == [9999]
    assert [each.at_ms for each in await audit.read(2, who="ann", action="feed.*")] == [800, 400]
    assert len(await audit.read(2000)) == 1201
    assert await audit.read(5, action="token.revoke") == []


@pytest.mark.parametrize("action", ["", "a b", "sign-in.>", "*", "Feed", "a..b", "x\r\ny"])
async def test_audit_takes_no_other_subjects(audit: Audit, action: str) -> None:
    """What is no action is neither written nor asked for: it could name other subjects."""
    with pytest.raises(ValueError, match="an action must be"):
        await audit.write(Record(at_ms=0, who="", action=action))
    with pytest.raises(ValueError, match="an action must be"):
        await audit.read(1, action=action)


async def test_audit_cannot_be_deleted(audit: Audit, connection: Connection) -> None:
    """Neither one record nor all of them, whoever has a connection to the broker."""
    await audit.write(Record(at_ms=1, who="ann", action="sign-in"))
    with pytest.raises(BrokerError):
        await connection.api("$JS.API.STREAM.PURGE.AUDIT", {})
    with pytest.raises(BrokerError):
        await connection.api("$JS.API.STREAM.MSG.DELETE.AUDIT", {"seq": 1})

    assert len(await audit.read(10)) == 1
