"""A folder with the keys of a mesh: made once, for its servers, its programs and who hands out access.

Why claims that are signed (`mesh.nats_jwt`) and not users in the server's configuration: access for a
person is made and taken back without touching a server's files or restarting one. A user that is
taken back is named in its account, which is sent to the servers; each stores it in a folder of its
own, drops the connections of that user at once (4 ms, measured), and still knows it after a restart.

    auth.conf             for the servers: `include auth.conf`; no secret
    {program}.creds       the user of each program, and of `admin`
    reader.creds          a user that reads, for tools of this machine
    issuer/               what the control plane needs to hand out access and take it back
    programs.seed         signs the users of programs: wanted by `renew` alone
    operator.seed         signs everything: wanted by nothing that runs, so keep it elsewhere

Folders are for their owner alone (0700), and so is each file (0600).
"""

import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from mesh import nats_jwt
from mesh.errors import FatalError, TokenError
from mesh.nats_accounts import configuration, of_programs, of_readers
from mesh.nats_jwt import Claims, Kind
from mesh.permissions import CLAIMS, CLAIMS_USER, INBOX, PROGRAMS, READER, external


AUTH_FILE = "auth.conf"
ISSUER = "issuer"
_OPERATOR_SEED = "operator.seed"
_PROGRAMS_SEED = "programs.seed"
_SIGNING_SEED = "signing.seed"
_EXTERNAL_SEED = "external.seed"
_READER_LIMITS = {"subs": 256, "payload": 64 * 1024}
"""Of a user that reads: subscriptions of a connection, bytes of a request."""
LONGEST_DAYS = 366
"""How long access is given for at most; who was taken back longer ago need not be remembered."""
DAY_S = 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,63}")


class Issued(NamedTuple):
    """A user that was just made."""

    key: str
    """Its public key, by which it is taken back."""
    name: str
    creds: str
    """The text of its `.creds` file: a secret, and kept nowhere else."""
    inbox_prefix: str
    expires_s: int
    """Epoch seconds."""


def is_user_name(text: str) -> bool:
    """Whether *text* can name an external user, and so a file."""
    return _NAME.fullmatch(text) is not None


def create(folder: Path, now_s: int) -> None:
    """Make a whole set in *folder*, which must not hold one.

    Raises:
        FatalError: there is something already, or the folder cannot be written to.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise FatalError(
            f"{folder} is not empty: keys are never overwritten, choose another folder"
        )
    try:
        for each in (folder, folder / ISSUER):
            each.mkdir(mode=0o700, parents=each is folder)
            each.chmod(0o700)
        _create(folder, now_s)
    except OSError as error:
        raise FatalError(f"{folder} cannot be written to: {error.strerror}") from error


def renew(folder: Path, now_s: int) -> None:
    """Give each program what this version of the mesh lets it do; its key stays, and external users do too.

    The account of the programs gets the limits of this version, for servers that start with the new `auth.conf`.

    Raises:
        FatalError: the folder does not hold a whole set.
    """
    account_seed = _seed(folder / _PROGRAMS_SEED)
    for name, may in PROGRAMS.items():
        path = folder / f"{name}.creds"
        seed = _seed_in(path) if path.exists() else _new(Kind.USER)
        claims = nats_jwt.user(name, nats_jwt.public_key(seed), may.publish, may.subscribe)
        _write(path, nats_jwt.creds(nats_jwt.signed(claims, account_seed, now_s), seed))
    if (folder / AUTH_FILE).exists():
        account = nats_jwt.public_key(account_seed)
        token = nats_jwt.signed(of_programs(account), _seed(folder / ISSUER / _SIGNING_SEED), now_s)
        keep_account(folder, account, token)


def including(folder: Path, conf: Path) -> Path:
    """The configuration of a server like that of *conf*, which believes the keys in *folder* and nobody else.

    Raises:
        FatalError: the folder cannot be written to.
    """
    path = folder / conf.name
    there = os.path.relpath(conf.resolve(), folder.resolve())
    try:
        _write(path, f'include "{there}"\ninclude "{AUTH_FILE}"\n')
    except OSError as error:
        raise FatalError(f"{path} cannot be written: {error.strerror}") from error
    return path


def creds_file(folder: Path, name: str) -> Path:
    """Where the credentials of a program are."""
    return folder / f"{name}.creds"


def programs_account(folder: Path) -> str:
    """The account of the programs: its streams lie in a folder of this name.

    Raises:
        FatalError: the folder does not hold a whole set.
    """
    return nats_jwt.public_key(_seed(folder / _PROGRAMS_SEED))


class Issuer:
    """Makes external users, and signs their account anew when one is taken back.

    Args:
        folder: the folder `issuer` of a set.
    """

    def __init__(self, folder: Path) -> None:
        """Read the keys.

        Raises:
            FatalError: they are not there.
        """
        self._account_seed = _seed(folder / _EXTERNAL_SEED)
        self._signing_seed = _seed(folder / _SIGNING_SEED)
        self.creds_file = creds_file(folder, CLAIMS)
        """Of the user that may send accounts to the servers."""
        self.account = nats_jwt.public_key(self._account_seed)
        self._signer = nats_jwt.public_key(self._signing_seed)

    def issue(self, name: str, now_s: int, expires_s: int) -> Issued:
        """A user *name* that reads until *expires_s*.

        Raises:
            ValueError: with a sentence for people: the name or the time cannot be had.
        """
        if not is_user_name(name):
            raise ValueError("the name of a NATS user must be 1–64 letters, digits or @ . _ -")
        if not now_s < expires_s <= now_s + LONGEST_DAYS * DAY_S:
            raise ValueError(f"access must end within {LONGEST_DAYS} days, and in the future")
        return _reader(name, self._account_seed, now_s, expires_s)

    def read(self, token: str) -> Claims:
        """The claims of the account of external users, as a server holds them.

        Raises:
            TokenError: we did not sign this, or it is another account.
        """
        claims = nats_jwt.verified(token, [self._signer])
        if claims.get("sub") != self.account:
            raise TokenError("these are the claims of another account")
        return claims

    def sign(self, claims: Claims, now_s: int) -> str:
        """The account with *claims*.

        It is always issued later than what it follows: a server that starts takes what its
        configuration says of an account unless it knows of something issued later.
        """
        return nats_jwt.signed(claims, self._signing_seed, max(now_s, int(claims["iat"]) + 1))


def keep_account(folder: Path, account: str, token: str) -> None:
    """Have servers that know nothing yet begin with this *token* of *account*.

    Raises:
        FatalError: the folder does not hold a whole set.
    """
    path = folder / AUTH_FILE
    lines = _text(path).splitlines()
    kept = [
        f"  {account}: {token}" if line.strip().startswith(f"{account}:") else line
        for line in lines
    ]
    _write(path, "\n".join(kept) + "\n")


def inbox_prefix(path: Path) -> str | None:
    """Where the user of a `.creds` file may hear answers; None if it does not say.

    Raises:
        FatalError: the file cannot be read, or holds no credentials.
    """
    allowed = claims_of(path).get("nats", {}).get("sub", {}).get("allow", [])
    own = [subject for subject in allowed if subject.startswith(INBOX) and subject.endswith(".>")]
    return own[0].removesuffix(".>") if own else None


def claims_of(path: Path) -> Claims:
    """What the user of a `.creds` file claims to be; nothing of it is proved.

    Raises:
        FatalError: the file cannot be read, or holds no credentials.
    """
    try:
        return nats_jwt.claims_in(_text(path))
    except TokenError as error:
        raise FatalError(f"{path} holds no credentials of NATS: {error}") from error


def credentials_end_s(path: Path) -> int | None:
    """When what a `.creds` file holds ends, seconds since the epoch; None: never, or nobody can tell just now."""
    try:
        ends_s = claims_of(path).get("exp")
    except FatalError:
        return None
    return ends_s if isinstance(ends_s, int) else None


def _create(folder: Path, now_s: int) -> None:
    operator, signing = _new(Kind.OPERATOR), _new(Kind.OPERATOR)
    system, programs, readers = (_new(Kind.ACCOUNT) for _ in range(3))
    system_key, programs_key, readers_key = map(nats_jwt.public_key, (system, programs, readers))
    issuer = folder / ISSUER
    _write(folder / _OPERATOR_SEED, f"{operator}\n")
    _write(folder / _PROGRAMS_SEED, f"{programs}\n")
    _write(issuer / _SIGNING_SEED, f"{signing}\n")
    _write(issuer / _EXTERNAL_SEED, f"{readers}\n")

    claims_seed = _new(Kind.USER)
    claims = nats_jwt.user(CLAIMS, nats_jwt.public_key(claims_seed), *CLAIMS_USER)
    sent = nats_jwt.creds(nats_jwt.signed(claims, system, now_s), claims_seed)
    _write(creds_file(issuer, CLAIMS), sent)
    renew(folder, now_s)
    _write(creds_file(folder, READER), _reader(READER, readers, now_s, None, INBOX).creds)

    accounts = {
        system_key: nats_jwt.account("SYS", system_key),
        programs_key: of_programs(programs_key),
        readers_key: of_readers(readers_key, programs_key),
    }
    about = nats_jwt.operator(
        "tickmesh", nats_jwt.public_key(operator), nats_jwt.public_key(signing), system_key
    )
    tokens = {key: nats_jwt.signed(each, signing, now_s) for key, each in accounts.items()}
    _write(
        folder / AUTH_FILE,
        configuration(nats_jwt.signed(about, operator, now_s), system_key, tokens),
    )


def _reader(
    name: str, account_seed: str, now_s: int, expires_s: int | None, prefix: str | None = None
) -> Issued:
    seed = _new(Kind.USER)
    key = nats_jwt.public_key(seed)
    own = prefix or f"{INBOX}_{key}"
    claims = nats_jwt.user(name, key, *external(own), expires_s=expires_s, limits=_READER_LIMITS)
    text = nats_jwt.creds(nats_jwt.signed(claims, account_seed, now_s), seed)
    return Issued(key, name, text, own, expires_s or 0)


def _new(kind: Kind) -> str:
    return nats_jwt.seed_of(kind, secrets.token_bytes(32))


def _seed_in(path: Path) -> str:
    lines = _text(path).splitlines()
    return next(line for line in lines if line.startswith("SU"))


def _seed(path: Path) -> str:
    seed = _text(path).strip()
    try:
        nats_jwt.public_key(seed)
    except TokenError:
        raise FatalError(
            f"{path} must hold the seed of a key, as `mesh nats-keys` made it"
        ) from None
    return seed


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
    # Outside, because as a context the second error would carry the content of the file.
    raise FatalError(f"{path} cannot be read: {reason}")


def _write(path: Path, text: str) -> None:
    """Replace *path* at once: who reads it meanwhile gets the whole of one of the two."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
