"""The vendor's answers, as far as they are read; what is missing is None, what is of a wrong type is refused."""

from schemas.wire import Wire, json_decoder


class Bar(Wire, frozen=True):
    """A day of a ticker."""

    T: str
    c: float | None = None
    o: float | None = None
    h: float | None = None
    l: float | None = None  # noqa: E741 (the vendor's name)
    v: float | None = None
    vw: float | None = None


class Minute(Wire, frozen=True):
    """A minute of a ticker, which begins at *t* (milliseconds)."""

    t: int
    v: float


class Split(Wire, frozen=True):
    """*split_to* shares for *split_from* before."""

    ticker: str
    execution_date: str
    split_from: float
    split_to: float


class Ticker(Wire, frozen=True):
    """A listing."""

    ticker: str
    name: str | None = None
    primary_exchange: str | None = None
    type: str | None = None


class Float(Wire, frozen=True):
    """The free float of a ticker."""

    ticker: str
    free_float: float | None = None
    effective_date: str | None = None


class Ratios(Wire, frozen=True):
    """Market capitalisation and price of a ticker: their quotient is the shares outstanding."""

    ticker: str
    date: str | None = None
    price: float | None = None
    market_cap: float | None = None


class Details(Wire, frozen=True):
    """What only a question for one ticker tells."""

    share_class_shares_outstanding: float | None = None
    weighted_shares_outstanding: float | None = None


class Named(Wire, frozen=True):
    """A ticker in an event."""

    ticker: str


class Event(Wire, frozen=True):
    """What happened to a listing on *date*; a change of its ticker, or something that is not read."""

    type: str
    date: str
    ticker_change: Named | None = None


class Events(Wire, frozen=True):
    """All that happened to a listing."""

    events: list[Event] | None = None


class Bars(Wire, frozen=True):
    """Every ticker of a day."""

    results: list[Bar] | None = None


class Minutes(Wire, frozen=True):
    """A page."""

    results: list[Minute] | None = None
    next_url: str | None = None


class Splits(Wire, frozen=True):
    """A page."""

    results: list[Split] | None = None
    next_url: str | None = None


class Tickers(Wire, frozen=True):
    """A page."""

    results: list[Ticker] | None = None
    next_url: str | None = None


class Floats(Wire, frozen=True):
    """A page."""

    results: list[Float] | None = None
    next_url: str | None = None


class RatioRows(Wire, frozen=True):
    """A page."""

    results: list[Ratios] | None = None
    next_url: str | None = None


class DetailsOf(Wire, frozen=True):
    """An answer about one ticker."""

    results: Details | None = None


class EventsOf(Wire, frozen=True):
    """An answer about one ticker."""

    results: Events | None = None


BARS = json_decoder(Bars)
MINUTES = json_decoder(Minutes)
SPLITS = json_decoder(Splits)
TICKERS = json_decoder(Tickers)
FLOATS = json_decoder(Floats)
RATIOS = json_decoder(RatioRows)
DETAILS = json_decoder(DetailsOf)
EVENTS = json_decoder(EventsOf)
