"""The door to the vendor: pages, a budget, the three states of an answer."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh import clock
from mesh.calendar import STANDARD, day_of
from mesh.settings import Settings
from schemas.reference import Part
from services.reference import answers
from services.reference.background import full_days_before, last_rename, spans
from services.reference.budget import Asker, Budget
from services.reference.bulk import Rename
from services.reference.held import Held
from services.reference.parts import AGES, Parts
from services.reference.service import next_prewarm
from services.reference.vendor import RefusedError, UnavailableError, Vendor
from services.simulator.market import start_of
from tests.services.reference.rest import Rest
from tests.services.simulator.resting import synthetic, vendor


NOW_MS = 1_800_000_000_000.0


def _door(url: str) -> Vendor:
    settings = Settings(rest_url=url, api_key="simulator")
    return Vendor(settings, Budget(100_000, clock.monotonic_s()))


async def test_all_pages_are_read() -> None:
    """A list of 60 in pages of 25 is three calls and 60 rows."""
    async with vendor(synthetic(60)) as served:
        door = _door(served.url)
        pages = door.pages("/v3/reference/tickers", answers.TICKERS, limit="25")
        rows = [row async for page in pages for row in page.results or ()]

    assert len({row.ticker for row in rows}) == 60
    assert door.calls == 3


async def test_key_goes_nowhere_else() -> None:
    """A next page at another host is asked from the one that was set; without an end there is one."""
    page = b'{"results":[{"ticker":"F"}],"next_url":"https://elsewhere.example/again?cursor=1"}'
    rest = Rest(lambda _: (200, page))
    async with rest.serving() as url:
        door = _door(url)
        with pytest.raises(UnavailableError, match="has no end"):
            async for _ in door.pages("/v3/reference/tickers", answers.TICKERS):
                pass

    assert set(rest.asked) == {"tickers", "again"}


@pytest.mark.parametrize(
    "address", ["@elsewhere.example/again", ".elsewhere.example/again", "http://["]
)
async def test_address_that_leads_elsewhere_is_not_followed(address: str) -> None:
    """What would turn the address that was set into another one is a failure of the vendor."""
    rest = Rest(lambda _: (200, b'{"results":[{"ticker":"F"}],"next_url":"%s"}' % address.encode()))
    async with rest.serving() as url:
        door = _door(url)
        with pytest.raises(UnavailableError, match="named an address"):
            async for _ in door.pages("/v3/reference/tickers", answers.TICKERS):
                pass
        with pytest.raises(UnavailableError, match="named an address"):
            await door.picture(address, 100)

    assert rest.asked == ["tickers"]


async def test_answers_that_are_none_are_told_apart() -> None:
    """Not known is None, not in the plan is refused for good, a failure may be made good."""
    status = 404
    rest = Rest(lambda _: (status, b"{}"))
    async with rest.serving() as url:
        door = _door(url)
        assert await door.one("/a", answers.DETAILS) is None
        status = 403
        with pytest.raises(RefusedError, match="the plan does not include it"):
            await door.one("/a", answers.DETAILS)
        status = 429
        with pytest.raises(UnavailableError, match="/a: 429"):
            await door.one("/a", answers.DETAILS)

    assert (door.calls, door.failures) == (3, 1)


@given(st.integers(1, 6000), st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_budget_is_kept(calls_a_minute: int, pauses_s: list[float]) -> None:
    """However calls are asked for, those of any time are no more than its share and a few seconds' worth."""
    budget = Budget(calls_a_minute, 0.0)
    now_s, made = 0.0, []
    for pause_s in pauses_s:
        now_s += pause_s
        while wait_s := budget.take("loading", now_s):
            now_s += wait_s
        made.append(now_s)

    rate = calls_a_minute / 60
    for first, at_s in enumerate(made):
        count = sum(at_s <= each <= at_s + 10 for each in made[first:])
        assert count <= 10 * rate + max(1.0, 5 * rate) + 1


@given(
    st.integers(1, 6000), st.lists(st.sampled_from(["both", "people"]), min_size=20, max_size=60)
)
def test_nobody_starves(calls_a_minute: int, hungry: list[str]) -> None:
    """While both wait they take turns, whoever looks first; alone, one gets all that there is."""
    budget = Budget(calls_a_minute, 0.0)
    now_s = 0.0
    made: list[Asker] = []
    for who in hungry:
        askers: list[Asker] = ["loading", "people"] if who == "both" else ["people"]
        while askers:
            waits = {each: budget.take(each, now_s) for each in askers}
            made += [each for each, wait_s in waits.items() if not wait_s]
            askers = [each for each, wait_s in waits.items() if wait_s]
            now_s += min(waits.values())

    assert len(made) == sum(2 if who == "both" else 1 for who in hungry)
    assert now_s <= (len(made) + 1) * 60 / calls_a_minute + 0.01 * len(made)


def test_failure_does_not_take_the_place_of_a_value() -> None:
    """It only says when to ask again; a value that comes later does replace it."""
    parts = Parts({"float": Part("value", NOW_MS)})
    late_ms = NOW_MS + 86_400_000
    assert not parts.is_due("float", NOW_MS)
    assert parts.is_due("float", late_ms)
    parts.note("float", "failed", late_ms)

    assert parts.states["float"] == Part("value", NOW_MS)
    assert parts.has_failed("float")
    assert not parts.is_due("float", late_ms + 1)
    assert parts.is_due("float", late_ms + 1000 * AGES["float"].failed_s)
    parts.note("float", "value", late_ms)
    assert parts.states["float"] == Part("value", late_ms)
    assert not parts.has_failed("float")


def test_absence_is_remembered_longer_than_a_failure() -> None:
    """Each state has its own age, and what was never asked for is due."""
    parts = Parts()
    assert parts.is_due("events", NOW_MS)
    parts.note("events", "failed", NOW_MS)
    failed_ms = NOW_MS + 1000 * AGES["events"].failed_s
    assert parts.is_due("events", failed_ms)
    parts.note("events", "absent", NOW_MS)

    assert not parts.is_due("events", failed_ms)
    assert parts.is_due("events", NOW_MS + 1000 * AGES["events"].absent_s)


@pytest.mark.parametrize(
    ("now", "due", "day"),
    [
        ("2026-01-05T00:30:00", "2026-01-05T01:00:00", "2026-01-05"),
        ("2026-01-05T03:59:59", "2026-01-05T01:00:00", "2026-01-05"),
        ("2026-01-05T04:00:00", "2026-01-06T01:00:00", "2026-01-06"),
        ("2026-01-16T21:00:00", "2026-01-20T01:00:00", "2026-01-20"),  # over Martin Luther King day
        ("2026-03-06T12:00:00", "2026-03-09T01:00:00", "2026-03-09"),  # summer time begins
    ],
)
def test_next_day_is_loaded_before_its_pre_market(now: str, due: str, day: str) -> None:
    """Three hours before 04:00, in New York; over week-ends, holidays and the change of the clocks."""
    assert next_prewarm(start_of(now), STANDARD) == (start_of(due), day)


def test_rename_is_read_from_events() -> None:
    """The last change up to the day, into this very ticker; others and the future do not count."""

    def event(day: str, ticker: str) -> answers.Event:
        return answers.Event("ticker_change", day, answers.Named(ticker))

    events = [event("2012-05-18", "FB"), event("2022-06-09", "META"), event("2027-01-04", "NEXT")]

    found = last_rename("META", events, "2026-01-05")
    assert found is not None
    assert found.old == "FB"
    assert last_rename("META", events, "2022-06-08") is None
    assert last_rename("META", events[1:2], "2026-01-05") is None
    assert last_rename("META", [answers.Event("delisted", "2022-06-09")], "2026-01-05") is None
    assert list(spans("META", found, "2022-06-01", "2022-06-30")) == [
        ("FB", "2022-06-01", "2022-06-08"), ("META", "2022-06-09", "2022-06-30"),
    ]  # fmt: skip
    assert list(spans("META", found, "2022-07-01", "2022-07-29")) == [
        ("META", "2022-07-01", "2022-07-29")
    ]
    assert list(spans("F", None, "2022-07-01", "2022-07-29")) == [("F", "2022-07-01", "2022-07-29")]
    assert isinstance(found, Rename)


def test_full_days_leave_out_holidays_and_half_days() -> None:
    """Before 2 December 2025: Thanksgiving and the Friday after it are none."""
    days = full_days_before(STANDARD, day_of(date(2025, 12, 2)), 3)
    names = [day.name for day in days]

    assert names == ["2025-11-25", "2025-11-26", "2025-12-01"]


def test_bars_are_held_in_the_order_of_days() -> None:
    """However they come in; what is no symbol or has no close is left out; old days can be let go of."""
    held = Held()
    for day in (5, 3, 9, 4):
        rows = [answers.Bar("F", c=day), answers.Bar("no symbol", c=1.0), answers.Bar("G")]
        assert held.add(day, rows) == 1
    assert held.add(6, []) == 0

    assert held.days == [9, 5, 4, 3]
    assert [bar.day for bar in held.bars("F", 9)] == [5, 4, 3]
    assert [bar.close_usd for bar in held.bars("F", 10, 4)] == [9, 5, 4]
    assert [*held.symbols(4, 9)] == ["F"]
    assert [*held.symbols(6, 9)] == []
    held.forget(5)
    assert [bar.day for bar in held.bars("F", 99)] == [9, 5]
    assert held.asked == {5, 6, 9}
