"""What counts as a symbol in an article, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.news import Company
from services.news.tickers import MOST_TICKERS, Listed, of_companies, of_text


MARKET = Listed({"AAPL": "XNAS", "BRK.B": "XNYS", "BRK.A": "XNYS", "F": "XNYS", "GME": "XNYS", "A": None, "BACpL": "XNYS", "IMO": "XASE", "SPY": "ARCX", "CBOE": "BATS"})  # fmt: skip
UNKNOWN = Listed()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Apple (Nasdaq: AAPL) rises", ["AAPL"]),
        ("Apple (NASDAQ:AAPL) rises", ["AAPL"]),
        ("Apple (NasdaqGS: AAPL) rises", ["AAPL"]),
        ("Ford (NYSE: F), GameStop (NYSE:GME)", ["F", "GME"]),
        ("Berkshire (NYSE: BRK.A, BRK.B)", ["BRK.A", "BRK.B"]),
        ("Berkshire (NYSE: BRK-B)", ["BRK.B"]),
        ("Berkshire (NYSE: BRK/B)", ["BRK.B"]),
        ("Imperial Oil (NYSE American: IMO) (TSX: IMO)", ["IMO"]),
        ("Imperial Oil (AMEX: IMO)", ["IMO"]),
        ("The fund (NYSE Arca: SPY)", ["SPY"]),
        ("The fund (NYSEARCA: SPY)", ["SPY"]),
        ("Cboe (Cboe BZX: CBOE), (BATS: CBOE)", ["CBOE"]),
        ("$GME to the moon, $AAPL too", ["GME", "AAPL"]),
        ("A CEO says FDA and GME are fine", []),
        ("(AAPL) without an exchange", []),
        ("Stocks at NYSE: IBMXYZ", []),
        ("OTC: AAPL, LSE: F", []),
        ("US$F, $5, $GMEX, a$GME", []),
        ("", []),
    ],
)  # fmt: skip
def test_symbols_in_text(text: str, expected: list[str]) -> None:
    """As an exchange or a trader writes them, and only if the market has them."""
    assert of_text(text, MARKET) == expected


def test_before_the_market_is_known_an_exchange_is_enough() -> None:
    """A name with its exchange is taken at its word; a trader's shorthand is not."""
    assert of_text("(NYSE: XYZ) and $ABC and CEO", UNKNOWN) == ["XYZ"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_names_symbols_of_the_market_alone(text: str) -> None:
    """Whatever is written, what is found can be followed."""
    assert set(of_text(text, MARKET)) <= set(MARKET.exchanges)
    assert len(of_text(text, UNKNOWN)) <= MOST_TICKERS


def test_companies_are_those_that_the_market_has() -> None:
    """Each once, under the market's own spelling, with the exchange of whoever knows it."""
    given_ones = [Company("brk/b", "Berkshire"), Company("BRK.B", "Again"), Company("SAP"), Company("AAPL", None, "XNMS")]  # fmt: skip

    assert of_companies(given_ones, MARKET) == [
        Company("BRK.B", "Berkshire", "XNYS"),
        Company("AAPL", None, "XNMS"),
    ]
    assert [each.ticker for each in of_companies([Company("sap"), Company("n/a!?")], UNKNOWN)] == ["SAP"]  # fmt: skip


def test_preferred_shares_are_found_by_their_exact_spelling() -> None:
    """`BACpL` is not `BACPL`."""
    assert MARKET.find("BACpL", sure=True) == "BACpL"
    assert MARKET.find("BACPL", sure=True) is None
