"""What canaries say: how long each took, what is missing and where, and when all is well."""

from services.control.journeys import LEGS, Journeys, off


def _through(journeys: Journeys, event_ms: int, now_s: float) -> None:
    for leg in LEGS:
        journeys.arrive(leg, event_ms, now_s)


def test_a_journey_has_the_time_of_each_leg() -> None:
    """Milliseconds since it was sent, by leg; a later sight of the same is nothing new."""
    journeys = Journeys(5.0)
    journeys.send(1000, 10.0)
    for leg, now_s in zip(LEGS, (10.001, 10.2, 11.0, 10.31), strict=True):
        journeys.arrive(leg, 1000, now_s)
    journeys.arrive("row", 1000, 99.0)

    report = journeys.report(11.0)
    [journey] = report.journeys
    assert (journey.stored_ms, journey.row_ms, journey.kv_ms, journey.socket_ms) == (
        1.0,
        200.0,
        1000.0,
        310.0,
    )
    assert (report.state, report.reason) == ("well", "")


def test_whoever_shows_a_later_one_has_the_earlier_ones() -> None:
    """Rows are conflated: what was overtaken on its way has arrived with what overtook it."""
    journeys = Journeys(5.0)
    journeys.send(1000, 10.0)
    journeys.send(2000, 11.0)
    journeys.arrive("socket", 2000, 11.5)

    assert [each.socket_ms for each in journeys.report(11.5).journeys] == [1500.0, 500.0]


def test_one_that_is_overdue_says_where_it_is() -> None:
    """The first place that has not seen it is named; until then the newest may be on its way."""
    journeys = Journeys(5.0)
    journeys.send(1000, 10.0)
    assert journeys.report(14.0).state == "starting"
    journeys.arrive("stored", 1000, 10.1)
    report = journeys.report(16.0)
    assert report.state == "missing"
    assert "owner of its partition" in report.reason

    journeys.arrive("row", 1000, 16.1)
    journeys.arrive("socket", 1000, 16.1)
    assert journeys.report(17.0).state == "starting"
    assert "KV `rows`" in journeys.report(31.0).reason

    _through(journeys, 1000, 16.5)
    journeys.send(6000, 17.0)
    assert journeys.report(18.0).state == "well"


def test_known_trouble_comes_before_all_else() -> None:
    """Who knows why nothing can arrive says that, and not what is missing because of it."""
    journeys = Journeys(5.0)
    journeys.send(1000, 10.0)
    journeys.trouble = "the broker is away"

    report = journeys.report(99.0)
    assert (report.state, report.reason) == ("missing", "the broker is away")


def test_what_is_off_says_why() -> None:
    """It is no fault, and nobody must look for one."""
    assert (off("a recording is played").state, off("x").reason, off("x").journeys) == (
        "off",
        "x",
        [],
    )


def test_history_is_bounded() -> None:
    """The last ones are kept, however long it runs."""
    journeys = Journeys(5.0)
    for number in range(1000):
        journeys.send(number, float(number))
        _through(journeys, number, number + 0.5)

    kept = journeys.report(1000.0).journeys
    assert len(kept) < 200
    assert kept[-1].sent_ms == 999
