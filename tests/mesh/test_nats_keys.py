"""The folder with keys: made once, for its owner alone, with its secrets where they belong."""

import re
import stat
from pathlib import Path

import pytest

from mesh.errors import FatalError
from mesh.nats_jwt import claims_in, unverified
from mesh.nats_keys import (
    AUTH_FILE,
    DAY_S,
    ISSUER,
    LONGEST_DAYS,
    Issuer,
    create,
    creds_file,
    inbox_prefix,
    programs_account,
    renew,
)
from mesh.permissions import PROGRAMS


NOW_S = 1_760_000_000
SEED = re.compile(r"S[OAU][A-Z2-7]{56}")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A whole set."""
    create(tmp_path / "keys", NOW_S)
    return tmp_path / "keys"


def test_keys_are_for_their_owner_alone(keys: Path) -> None:
    """Folders can be entered by nobody else, and files read."""
    for path in (keys, *keys.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_keys_are_never_overwritten(keys: Path) -> None:
    """A folder that holds anything is left as it is."""
    before = {path: path.read_text() for path in keys.rglob("*") if path.is_file()}
    with pytest.raises(FatalError, match="never overwritten"):
        create(keys, NOW_S)

    assert {path: path.read_text() for path in keys.rglob("*") if path.is_file()} == before


def test_servers_are_given_no_secret(keys: Path) -> None:
    """What a server includes holds no seed; each other file holds one at most."""
    for path in keys.rglob("*"):
        if path.is_file():
            assert len(SEED.findall(path.read_text())) == (path.name != AUTH_FILE), path


def test_renewed_programs_keep_their_keys(keys: Path) -> None:
    """A new version may let a program do something else; it is the same user, and so are all others."""
    before = {path.name: path.read_text() for path in keys.glob("*.creds")}
    creds_file(keys, "boards").unlink()
    renew(keys, NOW_S + 5)
    after = {path.name: path.read_text() for path in keys.glob("*.creds")}

    assert after.keys() == before.keys()
    assert claims_in(after["listener.creds"])["iat"] == NOW_S + 5
    for name in before.keys() - {"boards.creds"}:
        assert claims_in(after[name])["sub"] == claims_in(before[name])["sub"]
        assert SEED.findall(after[name]) == SEED.findall(before[name])


def test_renewed_account_of_programs_is_newer(keys: Path) -> None:
    """Servers that start take the limits of this version; the account of readers, which may have been changed at the servers, stays."""
    before = _accounts(keys)
    renew(keys, NOW_S + 5)
    after = _accounts(keys)
    changed = [key for key, token in after.items() if token != before[key]]

    assert changed == [programs_account(keys)]
    assert unverified(after[changed[0]])["iat"] == NOW_S + 5
    assert unverified(after[changed[0]])["nats"]["limits"]["streams"] > 0


def _accounts(keys: Path) -> dict[str, str]:
    """The claims of each account that servers are told of."""
    found = re.findall(r"^  (A\w+): (\S+)$", (keys / AUTH_FILE).read_text(), re.MULTILINE)
    return dict(found)


def test_every_program_has_an_inbox_of_its_own(keys: Path) -> None:
    """It is read from the credentials, also those of a person."""
    prefixes = {inbox_prefix(creds_file(keys, name)) for name in PROGRAMS}
    issued = Issuer(keys / ISSUER).issue("ann", NOW_S, NOW_S + DAY_S)
    own = keys / "ann.creds"
    own.write_text(issued.creds)

    assert len(prefixes) == len(PROGRAMS)
    assert inbox_prefix(own) == issued.inbox_prefix == f"_INBOX_{issued.key}"


@pytest.mark.parametrize("content", ["", "hunter2 " * 9, "\udcff"])
def test_credentials_that_are_none_are_refused_unseen(tmp_path: Path, content: str) -> None:
    """The error names the file, not what is in it."""
    path = tmp_path / "some.creds"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(FatalError, match=r"some\.creds") as refused:
        inbox_prefix(path)

    assert "hunter2" not in str(refused.value)
    with pytest.raises(FatalError, match="cannot be read"):
        inbox_prefix(tmp_path / "none.creds")


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a b", "a\nb", "ä", "x" * 65])
def test_users_have_plain_names(keys: Path, name: str) -> None:
    """A name is one word of a log line and of a file."""
    with pytest.raises(ValueError, match="name of a NATS user"):
        Issuer(keys / ISSUER).issue(name, NOW_S, NOW_S + DAY_S)


@pytest.mark.parametrize("days", [-1, 0, LONGEST_DAYS + 1])
def test_access_ends(keys: Path, days: int) -> None:
    """None is given for ever, nor for the past."""
    with pytest.raises(ValueError, match="access must end"):
        Issuer(keys / ISSUER).issue("ann", NOW_S, NOW_S + days * DAY_S)


def test_issuer_without_keys_is_refused(tmp_path: Path, keys: Path) -> None:
    """A folder that is empty, and a seed that is none, are said without the seed."""
    with pytest.raises(FatalError, match="cannot be read"):
        Issuer(tmp_path)
    (keys / ISSUER / "signing.seed").write_text("SUhunter2")
    with pytest.raises(FatalError, match="must hold the seed") as refused:
        Issuer(keys / ISSUER)

    assert "hunter2" not in str(refused.value)
