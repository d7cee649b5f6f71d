"""What `mesh token` does."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from mesh import clock
from mesh.config import load
from mesh.connection import open_connection
from mesh.errors import FatalError
from mesh.kv import KeyValue
from mesh.logs import set_up
from mesh.settings import KEY_CHARACTERS, Settings
from mesh.tokens import MAX_TOKEN_CHARACTERS, Tokens, key_from, unverified_claims
from schemas.control_naming import revoked_key
from schemas.naming import Bucket
from schemas.wire import encode_json


def main(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Carry out one action; the exit code.

    Raises:
        MeshError: with a sentence for people, which holds neither a token nor the key.
    """
    match arguments.action:
        case "new":
            return _new(arguments, load(environment))
        case "show":
            return _show(arguments)
        case _:
            return _revoke(arguments, load(environment))


def _new(arguments: argparse.Namespace, settings: Settings) -> int:
    key = key_from(settings)
    if key is None:
        raise FatalError(
            "there is no key to sign with: give the one that the service has in MESH_TOKEN_KEY, or in the file "
            f"of MESH_TOKEN_KEY_FILE. A new one is {KEY_CHARACTERS} random characters or more "
            "(`openssl rand -hex 32`), the same for every `mesh run widgets` and for this command"
        )
    tokens = Tokens(key)
    now_ms = clock.now_ms()
    try:
        text = tokens.issue(arguments.user, arguments.scope, arguments.hours * 3600, now_ms)
    except ValueError as error:
        raise FatalError(str(error)) from error
    token = tokens.read(text, now_ms)
    until = datetime.fromtimestamp(token.expires_ms / 1000, UTC).isoformat(timespec="seconds")
    sys.stdout.write(f"{text}\n")
    sys.stderr.write(
        f"id {token.id}, for {token.user}, to see {' '.join(token.scopes)}, until {until}\n"
    )
    return 0


def _show(arguments: argparse.Namespace) -> int:
    if arguments.misplaced:
        raise FatalError(
            "a token is read from standard input, never from the command line, where `ps` shows it"
        )
    # A longer text is no token, whatever comes after.
    read = sys.stdin.buffer.read(2 * MAX_TOKEN_CHARACTERS).decode(errors="replace")
    sys.stdout.write(encode_json(unverified_claims(read.strip())).decode() + "\n")
    return 0


def _revoke(arguments: argparse.Namespace, settings: Settings) -> int:
    try:
        key = revoked_key(arguments.id)
    except ValueError as error:
        raise FatalError(f"{error}: `mesh token show` prints it as `jti`") from error
    asyncio.run(_put(settings, key, arguments.reason))
    sys.stdout.write(f"revoked {key}\n")
    return 0


async def _put(settings: Settings, key: str, reason: str) -> None:
    async with open_connection(settings, "token", set_up("token", "error")) as connection:
        await KeyValue(connection, Bucket.REVOKED).put(key, reason.encode(errors="replace"))
