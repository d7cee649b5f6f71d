"""How often somebody may try a password: ever less often, by user and by address, at all processes together.

A try is counted before the password is looked at, with a compare-and-set: whoever tries at many
processes at once, or many times at the same moment, has no more tries than one after the other.
"""

from ipaddress import ip_address, ip_network

from mesh.errors import FencedError
from mesh.kv import KeyValue
from schemas.account import Tried
from schemas.control_naming import attempts_key
from schemas.wire import encode_json, json_decoder


FREE_OF_USER, FREE_OF_ADDRESS = 5, 20
"""Failures before the first wait; behind one address there may be an office."""
LONGEST_S = 300

_NONE = Tried(0, 0)
_decode = json_decoder(Tried).decode


def wait_s(failures: int, free: int) -> int:
    """How long to wait after so many failures: not at all, then 1 s, 2 s, 4 s, and so on up to five minutes."""
    return 0 if failures < free else min(LONGEST_S, 2 ** min(failures - free, 20))


class Attempts:
    """Over a bucket."""

    def __init__(self, attempts: KeyValue) -> None:
        self._attempts = attempts

    async def enter(self, user: str, address: str, now_ms: float) -> int:
        """Count a try, as a failure until `succeeded` says otherwise; or the seconds until one may be made.

        Raises:
            BrokerError: nobody can tell.
        """
        kept = _keys(user, address)
        waits = [(await self._read(key))[0].again_ms - now_ms for key, _ in kept]
        if max(waits) <= 0:
            waits = [await self._count(key, free, now_ms) for key, free in kept]
        return max(0, -int(-max(waits) // 1000))

    async def succeeded(self, user: str, address: str) -> None:
        """The last try of *user* from *address* was none of those that are counted.

        The address has the others still: an account of one's own must not be a way to try those of others.
        """
        (of_user, _), (of_address, free) = _keys(user, address)
        await self._attempts.put(of_user, encode_json(_NONE))
        tried, revision = await self._read(of_address)
        failures = max(0, tried.failures - 1)
        again_ms = tried.again_ms if wait_s(failures, free) else 0
        try:
            await self._attempts.put_if(
                of_address, encode_json(Tried(failures, again_ms)), revision
            )
        except FencedError:
            return  # somebody tries at this moment, and one failure too many is counted

    async def _count(self, key: str, free: int, now_ms: float) -> float:
        """Count a failure; or the milliseconds until one may be made."""
        while True:
            tried, revision = await self._read(key)
            if tried.again_ms > now_ms:
                return tried.again_ms - now_ms
            failures = tried.failures + 1
            counted = Tried(failures, int(now_ms) + wait_s(failures, free) * 1000)
            try:
                await self._attempts.put_if(key, encode_json(counted), revision)
            except FencedError:
                continue  # somebody else has tried at this moment
            return 0

    async def _read(self, key: str) -> tuple[Tried, int]:
        entry = await self._attempts.get(key)
        if entry is None or entry.value is None:
            return _NONE, 0 if entry is None else entry.revision
        return _decode(entry.value), entry.revision


def _keys(user: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    return (
        (attempts_key("user", user), FREE_OF_USER),
        (attempts_key("address", _place(address)), FREE_OF_ADDRESS),
    )


def _place(address: str) -> str:
    """The *address*, or of IPv6 the network, since whoever has one address there has 2⁶⁴."""
    try:
        is_wide = ip_address(address).version == 6  # noqa: PLR2004 (IPv6)
    except ValueError:
        return address
    return str(ip_network(f"{address}/64", strict=False)) if is_wide else address
