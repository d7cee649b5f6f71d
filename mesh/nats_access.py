"""Taking back NATS credentials: the account of external users, told to the servers anew.

What servers hold is read, changed and sent back, and read once more: of two that do this at the
same moment one may have written over the other, and then does it again. Connections of whoever is
taken back end within milliseconds, on every server of a cluster; one that is away then hears of it within
5 s of its return (`interval` in `auth.conf`).
"""

import asyncio

import msgspec

from mesh import clock
from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, TokenError
from mesh.logs import Log
from mesh.nats_jwt import revoked_in, with_revoked
from mesh.nats_keys import DAY_S, LONGEST_DAYS, Issuer
from mesh.permissions import CLAIMS
from mesh.settings import Settings
from schemas.wire import Wire, json_decoder


_TRIES = 10
_PAUSE_S = 0.2


class _Answer(Wire, frozen=True):
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode = json_decoder(_Answer).decode


async def revoke(settings: Settings, issuer: Issuer, keys: list[str], log: Log) -> str:
    """Take back users by their public *keys*, for good; the account that says so, as servers have it now.

    Raises:
        BrokerError: it is not known to be done; it may be done again.
    """
    own = msgspec.structs.replace(settings, nats_creds=str(issuer.creds_file))
    async with open_connection(own, CLAIMS, log) as connection:
        for _ in range(_TRIES):
            token = await _account(connection, issuer)
            claims = _read(issuer, token)
            if revoked_in(claims).keys() >= {*keys}:
                return token
            now_s = int(clock.now_ms() / 1000)
            oldest_s = now_s - LONGEST_DAYS * DAY_S
            claims = with_revoked(claims, dict.fromkeys(keys, now_s), oldest_s)
            await _send(connection, issuer.sign(claims, now_s))
            await asyncio.sleep(_PAUSE_S)
    raise BrokerError("the servers do not keep who was taken back: try again")


async def _account(connection: Connection, issuer: Issuer) -> str:
    subject = f"$SYS.REQ.ACCOUNT.{issuer.account}.CLAIMS.LOOKUP"
    return (await connection.request(subject)).data.decode("ascii", "replace")


def _read(issuer: Issuer, token: str) -> dict[str, object]:
    try:
        return issuer.read(token)
    except TokenError as error:
        raise BrokerError(f"the server's account of external users is not ours: {error}") from error


async def _send(connection: Connection, token: str) -> None:
    message = await connection.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
    answer = _decode(message.data)
    if answer.error is not msgspec.UNSET:
        raise BrokerError(f"the server refused the account: {bytes(answer.error).decode()}")
