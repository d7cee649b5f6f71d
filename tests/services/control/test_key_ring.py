"""The ring of signing keys: at every moment one signs, and all that it has signed can be proved."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mesh.published_keys import LONGEST_S
from mesh.tokens import LEEWAY_S
from schemas.token_keys import MOST_KEYS
from schemas.wire import encode_json
from services.control.key_ring import (
    Ring,
    Seal,
    StoredKey,
    Times,
    decode_ring,
    new_key,
    renewed,
    rotated,
    signing,
    tended,
)


SEAL = Seal(b"k" * 32)
OTHER_SEAL = Seal(b"x" * 32)
TIMES = Times(signs_days=1.0)
DAY_MS = 24 * 3600 * 1000.0
MINUTE_MS = 60_000.0


def _opens(stored: StoredKey) -> bool:
    return SEAL.open(stored) is not None


def _tend(ring: Ring, now_ms: float) -> Ring:
    return tended(ring, SEAL, TIMES, now_ms, _opens)


def _kid(ring: Ring, now_ms: float) -> str:
    found = signing(ring, now_ms, _opens)
    assert found is not None
    return found.public.kid


@given(st.lists(st.tuples(st.floats(0, 2 * DAY_MS), st.booleans()), min_size=1, max_size=30))
def test_what_was_signed_can_be_proved_until_it_expires(steps: list[tuple[float, bool]]) -> None:
    """However late the ring is tended and however often it is rotated, no key goes before its last token has expired."""
    now_ms, ring = 0.0, Ring()
    used: dict[str, float] = {}
    for pause_ms, does_rotate in steps:
        # Others look at the ring until the moment before it is tended.
        for part in range(4):
            if ring.keys:
                used[_kid(ring, now_ms + part * pause_ms / 4)] = now_ms + part * pause_ms / 4
        now_ms += pause_ms
        ring = _tend(ring, now_ms)
        if does_rotate:
            ring = rotated(ring, SEAL, TIMES, now_ms)
        used[_kid(ring, now_ms)] = now_ms
        published = {key.kid for key in ring.published.keys}

        alive = {
            kid for kid, at_ms in used.items() if at_ms + (LONGEST_S + LEEWAY_S) * 1000 > now_ms
        }
        assert alive <= published
        assert len(published) <= MOST_KEYS


def test_next_key_is_published_before_it_signs() -> None:
    """A day after the first key began another takes over; it was in the set five minutes before, and the first stays a while."""
    ring = _tend(Ring(), 0.0)
    first = _kid(ring, 0.0)
    assert _tend(ring, DAY_MS - 6 * MINUTE_MS) == ring

    soon = _tend(ring, DAY_MS - 5 * MINUTE_MS)
    assert len(soon.keys) == 2
    assert _kid(soon, DAY_MS - 1) == first
    second = _kid(soon, DAY_MS)
    assert second != first
    assert _tend(soon, DAY_MS + 16 * MINUTE_MS) == soon
    assert [key.public.kid for key in _tend(soon, DAY_MS + 17 * MINUTE_MS).keys] == [second]


def test_rotation_that_is_asked_for_twice_happens_once() -> None:
    """While one key waits to take over, no further one is made."""
    ring = _tend(Ring(), 0.0)

    once = rotated(ring, SEAL, TIMES, 1000.0)
    assert rotated(once, SEAL, TIMES, 2000.0) == once
    assert len(rotated(once, SEAL, TIMES, 1000.0 + 5 * MINUTE_MS).keys) == 3


def test_renewed_ring_knows_nothing_of_the_one_before() -> None:
    """When a key is known to somebody who must not know it, one new key signs at once and is all that is published."""
    ring = _tend(Ring(), 0.0)

    new = renewed(SEAL, 1000.0)
    assert len(new.published.keys) == 1
    assert _kid(new, 1000.0) != _kid(ring, 1000.0)


def test_private_key_is_sealed() -> None:
    """What is stored opens with the same MESH_TOKEN_KEY, with no other, and not once anything of it was changed."""
    stored = new_key(SEAL, 0.0)
    opened = SEAL.open(stored)
    assert opened is not None

    assert opened.private_bytes_raw() not in encode_json(Ring((stored,)))
    assert opened.private_bytes_raw() not in stored.sealed
    assert OTHER_SEAL.open(stored) is None
    assert SEAL.open(replace(stored, sealed=stored.sealed[:-1] + b"\0")) is None
    assert SEAL.open(replace(stored, sealed=b"")) is None
    assert SEAL.open(replace(stored, public=new_key(SEAL, 0.0).public)) is None
    assert decode_ring(encode_json(Ring((stored,)))) == Ring((stored,))


def test_public_half_is_that_of_the_private_one() -> None:
    """What the opened key signs, the published one proves."""
    stored = new_key(SEAL, 0.0)
    opened = SEAL.open(stored)

    assert isinstance(opened, Ed25519PrivateKey)
    assert replace(stored, sealed=b"").public == stored.public
    again = SEAL.close(opened, stored.public)
    assert again != stored.sealed  # another nonce each time


def test_new_token_key_takes_over_by_itself() -> None:
    """Keys that cannot be opened stay published, and one that can is added and signs."""
    old = tended(Ring(), OTHER_SEAL, TIMES, 0.0, lambda key: OTHER_SEAL.open(key) is not None)

    ring = _tend(old, 1000.0)
    assert len(ring.keys) == 2
    assert _kid(ring, 1000.0) == ring.keys[1].public.kid
    assert _tend(ring, 2000.0) == ring
    assert signing(old, 1000.0, _opens) is None


@pytest.mark.parametrize("ahead_ms", [0.0, 1000.0])
def test_key_of_a_faster_clock_signs_if_there_is_no_other(ahead_ms: float) -> None:
    """Another process made the first key by its own clock, which may be ahead."""
    ring = Ring((new_key(SEAL, ahead_ms),))

    assert signing(ring, 0.0, _opens) == ring.keys[0]
