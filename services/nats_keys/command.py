"""What `mesh nats-keys` does. A secret goes into a file, or for one who asked for it to standard output alone."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from mesh import clock
from mesh.config import load
from mesh.errors import FatalError
from mesh.logs import set_up
from mesh.nats_access import revoke
from mesh.nats_jwt import Kind, is_public_key
from mesh.nats_keys import AUTH_FILE, DAY_S, ISSUER, Issuer, create, keep_account, renew
from mesh.permissions import DOMAIN


def main(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Do what was asked for; the exit code.

    Raises:
        MeshError: it cannot be done.
    """
    folder = Path(arguments.folder).expanduser().resolve()
    now_s = int(clock.now_ms() / 1000)
    if arguments.user is not None:
        _issue(arguments, folder, now_s)
    elif arguments.revoke is not None:
        _revoke(arguments.revoke, folder, environment)
    elif arguments.renew:
        renew(folder, now_s)
        sys.stdout.write(f"renewed the credentials of every program in {folder}\n")
    else:
        create(folder, now_s)
        sys.stdout.write(
            f"made keys in {folder}: `include {folder / AUTH_FILE}` in the configuration of each server, "
            "MESH_NATS_CREDS=…/{program}.creds for each program; keep operator.seed somewhere else\n"
        )
    return 0


def _issue(arguments: argparse.Namespace, folder: Path, now_s: int) -> None:
    if not arguments.read_only:
        raise FatalError("only users that read can be made: say so with --read-only")
    try:
        issued = Issuer(folder / ISSUER).issue(
            arguments.user, now_s, now_s + arguments.days * DAY_S
        )
    except ValueError as error:
        raise FatalError(f"{error}") from error
    until = datetime.fromtimestamp(issued.expires_s, UTC).isoformat(timespec="minutes")
    sys.stdout.write(issued.creds)
    sys.stderr.write(
        f"{issued.key}: {issued.name}, until {until}; its options for `nats`: "
        f"--inbox-prefix {issued.inbox_prefix} --js-domain {DOMAIN}\n"
    )


def _revoke(key: str, folder: Path, environment: Mapping[str, str]) -> None:
    if not is_public_key(key, Kind.USER):
        raise FatalError(
            "credentials are taken back by the public key that was shown when they were made"
        )
    issuer = Issuer(folder / ISSUER)
    token = asyncio.run(revoke(load(environment), issuer, [key], set_up("nats-keys", "error")))
    keep_account(folder, issuer.account, token)
    sys.stdout.write(f"took back {key}\n")
