"""Which partition a symbol belongs to: the same answer in every process and in the server."""

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
