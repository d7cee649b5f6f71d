"""Fixtures of the session's tests: a board, and a client that follows it."""

import pytest

from schemas.widget import View
from services.widgets.catalogue import Catalogue
from tests.services.widgets.boards import encoded
from tests.services.widgets.players import BOARD, Player


@pytest.fixture
def catalogue() -> Catalogue:
    """One board of one row."""
    made = Catalogue("e")
    made.put_board("gainers", encoded(("A", 1.0, 2.0)), 5.0)
    return made


@pytest.fixture
def client(catalogue: Catalogue) -> Player:
    """A client that has subscribed to it as 1, and taken all."""
    made = Player(catalogue)
    made.subscribe(1, BOARD, View())
    made.drain(0.0)
    made.kinds.clear()
    return made
