"""Which partition a symbol belongs to, and which member a partition: the same answer in every process."""

from collections.abc import Collection, Mapping


_FNV_OFFSET = 2166136261
_FNV_PRIME = 16777619


def fnv1a_32(data: bytes) -> int:
    """FNV-1a, 32 bits. Source: the IETF draft "The FNV Non-Cryptographic Hash Algorithm"."""
    value = _FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return value


def partition_of(token: str, partitions: int) -> int:
    """The partition (0 … *partitions* − 1) of a symbol's *token*.

    The server's subject mapping `partition(n, …)` computes the same function, so a mapping there
    and a process here agree. Never `hash()`: it differs from process to process.
    """
    return fnv1a_32(token.encode()) % partitions


def deal(owned: Mapping[int, str], members: Collection[str], slots: int) -> dict[int, str]:
    """Who should own each of *slots* slots, so that members share evenly and as few as possible move.

    The same answer in every process that sees the same: whoever owns most keeps most, ties by
    name, and what is free or too much goes in order to those who have room.

    Args:
        owned: the owner of each slot now; a slot is absent if it is free, and counts as free if its
            owner is none of *members*.
        members: who takes part; nobody owns anything if there are none.
        slots: how many there are, numbered from 0.
    """
    held: dict[str, list[int]] = {member: [] for member in members}
    for slot in range(slots):
        if (owner := owned.get(slot, "")) in held:
            held[owner].append(slot)
    ranked = sorted(held, key=lambda member: (-len(held[member]), member))
    dealt: dict[int, str] = {}
    room: dict[str, int] = {}
    for place, member in enumerate(ranked):
        share = slots // len(ranked) + (place < slots % len(ranked))
        dealt.update(dict.fromkeys(held[member][:share], member))
        room[member] = share - len(held[member][:share])
    takers = (member for member in ranked for _ in range(room[member]))
    dealt.update(zip((slot for slot in range(slots) if slot not in dealt), takers, strict=False))
    return dealt
