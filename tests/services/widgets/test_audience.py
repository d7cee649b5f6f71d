"""Clients that are told together: whatever one of them does or suffers, each is where it says it is."""

import pytest

from schemas.widget import View
from services.widgets.audience import AT_ONCE
from services.widgets.catalogue import Catalogue
from services.widgets.rounds import Rounds
from tests.services.widgets.players import BOARD, MOST_BROUGHT, Player, put


class Served:
    """A catalogue whose changes are told in rounds, and its prompt clients."""

    def __init__(self) -> None:
        self.rounds = Rounds()
        self.catalogue = Catalogue("e", tell=self.rounds.tell)
        self.score = 1.0
        put(self.catalogue, self.score)

    def client(self, number: int = 1) -> Player:
        """One that follows the board as *number*, and has all that there is."""
        made = Player(self.catalogue, is_prompt=True)
        made.subscribe(number, BOARD, View())
        made.drain(0.0)
        return made

    def change(self) -> None:
        """Another score, told to everybody."""
        self.score += 1.0
        put(self.catalogue, self.score)
        while self.rounds.go_on(0.0):
            pass

    def gathered(self, *numbers: int) -> list[Player]:
        """Clients that are told together with others, with room for more."""
        made = [self.client(number) for number in numbers]
        self.change()
        for player in made:
            player.drain(0.0)
        return made

    def is_current(self, player: Player) -> bool:
        """Whether a client knows the newest score."""
        return all(player.rows(number)[0]["score"] == self.score for number in player.tables)


@pytest.fixture
def served() -> Served:
    """A board of one row."""
    return Served()


def cohorts(players: list[Player]) -> list[int]:
    """How many members each cohort has in which one of *players* is."""
    found = {each.cohort for player in players for each in player.session.subscriptions}
    return sorted(len(cohort) for cohort in found if cohort is not None)


def test_clients_at_one_place_are_told_together(served: Served) -> None:
    """Cohorts are no greater than may be told between two looks at the clock, and number alike; all have what is new."""
    players = served.gathered(*[1] * (AT_ONCE + 3), 2, 2)
    assert cohorts(players) == [2, 3, AT_ONCE]
    before = served.rounds.frames_sent
    served.change()

    assert all(map(served.is_current, players))
    assert served.rounds.frames_sent == before + len(players)


def test_who_falls_behind_goes_on_alone(served: Served) -> None:
    """A client without room is told later, in one frame, and is with the others again after that."""
    slow, quick = served.gathered(1, 1)
    for _ in range(MOST_BROUGHT + 2):
        served.change()
        quick.drain(0.0)
    assert (served.is_current(quick), served.is_current(slow)) == (True, False)
    slow.drain(0.0)
    assert served.is_current(slow)
    served.change()

    assert cohorts([slow, quick]) == [2]


def test_who_asks_for_something_else_leaves(served: Served) -> None:
    """Another view, no subscription, a connection that ends: each takes the client out, and the others stay."""
    changing, ending, leaving, staying = served.gathered(1, 1, 1, 1)
    changing.set(1, View(top=1, hz=2.0))
    ending.unsubscribe(1)
    leaving.session.leave()
    changing.drain(0.0)
    served.change()

    assert cohorts([staying]) == [1]
    assert served.is_current(staying)
    changing.drain(1000.0)
    assert served.is_current(changing)


def test_mistake_with_a_member_takes_no_frame_from_the_others(served: Served) -> None:
    """Its connection can be told from the others; who had not been sent the frame is given it by itself."""
    before, broken, after = served.gathered(1, 1, 1)
    aborted = []
    broken.way.write = lambda framed: [][len(framed)]
    broken.way.abort = lambda: aborted.append(broken)
    with pytest.raises(IndexError):
        served.change()
    assert served.rounds.served is not None
    served.rounds.served.abort()
    while served.rounds.go_on(0.0):
        pass
    after.drain(0.0)

    assert aborted == [broken]
    assert served.is_current(before)
    assert served.is_current(after)


def test_board_that_ends_is_told_to_everybody(served: Served) -> None:
    """Members of a cohort too hear that there is nothing to follow any more."""
    players = served.gathered(1, 1)
    served.catalogue.delete_board("gainers")
    while served.rounds.go_on(0.0):
        pass
    for player in players:
        player.drain(0.0)

    assert [player.wanted for player in players] == [{}, {}]
