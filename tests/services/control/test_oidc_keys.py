"""Keys of a provider, by a time that the test gives."""

from typing import Any

import pytest
from joserfc.jwk import KeySet

from mesh.errors import ProviderError
from services.control.oidc_keys import AGAIN_S, KEPT_S, Keys


class _Published:
    """What a provider publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.keys: list[dict[str, Any]] = []
        self.is_down = False
        self.rotate()

    def rotate(self) -> str:
        """Publish a new key, and that one only; its id."""
        key = KeySet.generate_key_set("EC", "P-256", count=1).keys[0]
        self.keys = [dict(key.as_dict(private=False))]
        return str(key.kid)

    async def fetch(self) -> list[dict[str, Any]]:
        """What is published now."""
        self.asked += 1
        if self.is_down:
            raise ProviderError("down")
        return self.keys


@pytest.fixture
def published() -> _Published:
    """One key."""
    return _Published()


def _ids(keys: KeySet) -> list[str | None]:
    return [key.kid for key in keys]


async def test_keys_are_fetched_once_for_a_while(published: _Published) -> None:
    """As long as they are known the provider is not asked."""
    keys = Keys(published.fetch)
    for now_s in (0.0, 1.0, KEPT_S - 1):
        await keys.known(now_s)

    assert published.asked == 1


async def test_key_that_was_given_up_goes(published: _Published) -> None:
    """After a while the set is that of the provider again, without what it does not publish any more."""
    keys = Keys(published.fetch)
    await keys.known(0.0)
    new = published.rotate()

    assert _ids(await keys.known(KEPT_S)) == [new]


async def test_unknown_key_is_looked_for_at_once_and_not_again(published: _Published) -> None:
    """A new key is found by one more question; names that nobody has do not make us ask for each."""
    keys = Keys(published.fetch)
    await keys.known(0.0)
    new = published.rotate()

    assert _ids(await keys.renewed(1.0)) == [new]
    for now_s in (1.0, 2.0, AGAIN_S):
        await keys.renewed(now_s)
    assert published.asked == 2
    await keys.renewed(1.0 + AGAIN_S)
    assert published.asked == 3


async def test_keys_are_asked_for_again_after_a_failure(published: _Published) -> None:
    """A provider that was away when it was first asked is asked by the next sign-in."""
    keys = Keys(published.fetch)
    published.is_down = True
    with pytest.raises(ProviderError):
        await keys.known(0.0)
    published.is_down = False

    assert list(await keys.known(0.0))


async def test_what_is_no_key_for_signatures_is_left_out(published: _Published) -> None:
    """A set may hold keys of other uses and kinds, and broken ones: the good one among them is used."""
    good = published.keys[0]
    published.keys = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {**good, "kid": "for encryption", "use": "enc"},
        {"kty": "RSA", "kid": "broken"},
        {"kty": "of tomorrow", "kid": "unknown"},
        {},
        good,
    ]

    assert _ids(await Keys(published.fetch).known(0.0)) == [good["kid"]]
