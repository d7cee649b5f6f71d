"""What a client may do: rates against their own definition, places against a list of who is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.widget import NOT_UNDERSTOOD, TOO_MANY
from services.widgets.limits import Allowance, Places, Rate


pauses_s = st.lists(
    st.tuples(st.sampled_from([0.0, 0.001, 0.01, 0.3, 1.0, 60.0]), st.integers(1, 5)), max_size=60
)


@given(pauses_s, st.sampled_from([0.5, 3.0, 100.0]), st.integers(1, 20))
def test_rate_lets_no_more_through_than_it_says(
    asked: list[tuple[float, int]], per_s: float, burst: int
) -> None:
    """Between any two moments at most the burst and the rate's share of the time pass."""
    rate, now_s, passed = Rate(per_s, burst), 1000.0, []
    for pause_s, n in asked:
        now_s += pause_s
        passed.append((now_s, n if rate.take(now_s, n) else 0))

    for first, (since_s, _) in enumerate(passed):
        count = 0
        for until_s, n in passed[first:]:
            count += n
            assert count <= burst + per_s * (until_s - since_s) + 1e-6


@given(pauses_s)
def test_rate_refuses_nobody_who_keeps_to_it(asked: list[tuple[float, int]]) -> None:
    """Who waits for as long as what he takes is worth is never refused, and a pause is worth the burst."""
    rate, now_s = Rate(10.0, 5.0), 0.0
    assert rate.take(now_s, 5)
    for pause_s, n in asked:
        now_s += max(pause_s, n / 10.0 + 1e-6)
        assert rate.take(now_s, n)

    assert rate.take(now_s + 0.51, 5)


def test_refused_rate_uses_nothing_up() -> None:
    """Asking for too much leaves what there is to whoever asks for less; more than the burst never passes."""
    rate = Rate(1.0, 3.0)

    assert not rate.take(0.0, 4)
    assert not rate.take(1e9, 4)
    assert rate.take(1e9, 3)
    assert not rate.take(1e9)


def test_rate_survives_a_clock_that_goes_back() -> None:
    """A clock that goes back neither gives nor takes anything, and is not owed for when it catches up."""
    rate = Rate(1.0, 2.0)

    assert rate.take(100.0, 2)
    assert not rate.take(0.0)
    assert not rate.take(100.0)
    assert rate.take(101.0)
    assert not rate.take(101.0)


PER_USER, PER_ADDRESS, TOTAL = 2, 3, 5

users = st.sampled_from([None, "ann", "bob", "eve"])
addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "::1"])


class Coming(RuleBasedStateMachine):
    """Connections come, say who they are, and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.places = Places(PER_USER, PER_ADDRESS, TOTAL)
        self.inside: list[tuple[str | None, str]] = []

    @rule(user=users, address=addresses)
    def enter(self, user: str | None, address: str) -> None:
        """Somebody comes, and gets in exactly if nothing is full."""
        is_full = (
            len(self.inside) >= TOTAL
            or sum(each[1] == address for each in self.inside) >= PER_ADDRESS
            or (user is not None and sum(each[0] == user for each in self.inside) >= PER_USER)
        )
        refusal = self.places.enter(user, address)

        assert (refusal is not None) is is_full
        if refusal is None:
            self.inside.append((user, address))

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Somebody goes."""
        gone = data.draw(st.integers(0, len(self.inside) - 1))
        self.places.leave(*self.inside.pop(gone))

    @precondition(lambda self: any(user is None for user, _ in self.inside))
    @rule(data=st.data(), user=users.filter(bool))
    def say_who(self, data: st.DataObject, user: str) -> None:
        """Somebody inside says who he is, and has to go if that is one too many."""
        unknown = [place for place in self.inside if place[0] is None]
        self.inside.remove(known := data.draw(st.sampled_from(unknown)))
        self.places.leave(*known)
        self.enter(user, known[1])

    @rule(user=users, address=addresses)
    def leave_without_having_entered(self, user: str | None, address: str) -> None:
        """Who is not inside at all cannot go, and nothing is miscounted by it."""
        strange = address not in {each[1] for each in self.inside} or (
            user is not None and user not in {each[0] for each in self.inside}
        )
        if strange:
            with pytest.raises(ValueError, match="has not entered"):
                self.places.leave(user, address)

    @invariant()
    def counts_are_exact(self) -> None:
        """Everybody inside is counted once, and nobody is remembered who has gone."""
        by_user = [user for user, _ in self.inside if user is not None]
        by_address = [address for _, address in self.inside]
        assert self.places.total == len(self.inside)
        assert {each: self.places.of_user(each) for each in set(by_user)} == {
            each: by_user.count(each) for each in by_user
        }
        assert {each: self.places.of_address(each) for each in set(by_address)} == {
            each: by_address.count(each) for each in by_address
        }
        assert self.places.known == len(set(by_user)) + len(set(by_address))


TestComing = Coming.TestCase
TestComing.__doc__ = "Places are counted exactly under any interleaving of comings and goings."


def test_refusal_names_the_limit_and_nobody() -> None:
    """A client is told which limit it is that it met, and not who else is there."""
    places = Places(1, 2, 3)

    assert places.enter("ann", "10.0.0.1") is None
    assert places.enter("ann", "10.0.0.2") == "there are 1 connections of this user already"
    assert places.enter("bob", "10.0.0.1") is None
    assert places.enter(None, "10.0.0.1") == "there are 2 connections from this address already"
    assert places.enter(None, "10.0.0.2") is None
    assert "all the clients" in (places.enter(None, "10.0.0.3") or "")


def test_allowance_ends_a_flood_and_lets_a_burst_pass() -> None:
    """Two seconds' worth of frames may come at once, then as many as said; beyond it comes the code to close with."""
    allowance = Allowance(frames_per_s=100)

    assert [allowance.frame(0.0) for _ in range(201)] == [None] * 200 + [TOO_MANY]
    assert [allowance.frame(1.0) for _ in range(101)] == [None] * 100 + [TOO_MANY]
    assert allowance.frame(1.0) is TOO_MANY


def test_allowance_forgives_a_number_of_bad_frames() -> None:
    """Bad frames are answered up to their number; the next one, and every one after, ends the connection."""
    allowance = Allowance(bad_frames=20)

    assert [allowance.bad_frame() for _ in range(22)] == [None] * 20 + [NOT_UNDERSTOOD] * 2
    assert allowance.frame(0.0) is None


def test_allowance_bounds_subscriptions() -> None:
    """One more is allowed up to the number, and not beyond."""
    allowance = Allowance(subscriptions=64)

    assert allowance.may_subscribe(0)
    assert allowance.may_subscribe(63)
    assert not allowance.may_subscribe(64)
