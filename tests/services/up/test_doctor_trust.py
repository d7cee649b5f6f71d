"""`mesh doctor` on trust: who one is to a broker, whom one believes, and until when."""

import asyncio
from pathlib import Path

import pytest

from mesh import clock, connection
from mesh.nats_keys import DAY_S, ISSUER, Issuer, create, creds_file
from services.doctor import Finding, examine
from tests.mesh.authority import Authority
from tests.mesh.own_servers import Own, own_server


pytestmark = [pytest.mark.broker, pytest.mark.slow]


async def _said(**environment: str) -> dict[str, list[str]]:
    """What is found, by its tone."""
    found: list[Finding] = await asyncio.to_thread(lambda: list(examine(environment)))
    return {tone: [each.text for each in found if each.tone == tone] for tone in ("good", "note", "bad")}  # fmt: skip


def _environment(own: Own, program: str = "admin", **changes: str) -> dict[str, str]:
    usual = {
        "MESH_NATS_URL": own.urls,
        "MESH_NATS_CA": str(own.authority.path),
        "MESH_NATS_CREDS": str(creds_file(own.folder / "keys", program)),
    }
    return {**usual, **changes}


async def test_everything_that_is_trusted_is_named(tmp_path: Path) -> None:
    """The user, the authorities, and a certificate that ends soon."""
    async with own_server(tmp_path) as own:
        said = await _said(**_environment(own))

    assert said["bad"] == []
    assert "MESH_NATS_CREDS is the user `admin`, without an end." in said["good"]
    assert "MESH_NATS_CA has authorities, 1 of which are good." in said["good"]
    assert any("certificate ends on" in each and "renew it" in each for each in said["note"])


async def test_user_that_may_not_look_is_a_note(tmp_path: Path) -> None:
    """A program's own credentials are right, and see no topology: that is no reason to doubt the broker."""
    async with own_server(tmp_path) as own:
        said = await _said(**_environment(own, "smoke"))

    assert said["bad"] == []
    assert any("may not look at the topology" in each for each in said["note"])


async def test_what_is_wrong_with_trust_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong authority, a file that is none, and credentials that are none: a line each, with the setting."""
    monkeypatch.setattr(connection, "_FIRST_CONNECT_S", 1.0)
    async with own_server(tmp_path) as own:
        other = await _said(**_environment(own, MESH_NATS_CA=str(Authority(tmp_path).path)))
        none = await _said(**_environment(own, MESH_NATS_CA="/no.pem"))
        leaf = await _said(**_environment(own, MESH_NATS_CA=str(own.certificate.cert)))
        creds = await _said(**_environment(own, MESH_NATS_CREDS=str(own.authority.path)))

    assert any("is not signed by an authority in" in each for each in other["bad"])
    assert any("/no.pem cannot be read" in each and "MESH_NATS_CA" in each for each in none["bad"])
    assert any("holds no certificate of an authority" in each for each in leaf["bad"])
    assert any("holds no credentials" in each and "MESH_NATS_CREDS" in each for each in creds["bad"])  # fmt: skip


async def test_credentials_that_have_ended_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was given access for a time reads when that was over; a network in clear is a note."""
    monkeypatch.setattr(connection, "_FIRST_CONNECT_S", 0.3)
    now_s = int(clock.now_ms() / 1000)
    create(tmp_path / "keys", now_s)
    path = tmp_path / "ann.creds"
    issued = Issuer(tmp_path / "keys" / ISSUER).issue("ann", now_s - 3 * DAY_S, now_s - DAY_S)
    path.write_text(issued.creds)
    said = await _said(MESH_NATS_URL="nats://broker.invalid:4222", MESH_NATS_CREDS=str(path))

    assert any("`ann`" in each and "ended on" in each for each in said["bad"])
    assert any("in clear" in each for each in said["note"])


@pytest.mark.parametrize(("key", "tone"), [("", "note"), ("secret-key", "good")])
async def test_finlight_key_has_a_line(key: str, tone: str) -> None:
    """Whether news of Finlight can come, without the key."""
    said = await _said(FINLIGHT_API_KEY=key)

    assert any("FINLIGHT_API_KEY is" in each for each in said[tone])
    assert "secret-key" not in str(said)
