"""What the vendor tells of one company, as the mesh gives it to people. Pure.

Links are given on only if they lead where such a link should.
"""

from collections.abc import Sequence

from schemas import vendor
from services.reference.links import link
from services.reference.told import (
    Address,
    Branding,
    Company,
    NamedEvents,
    ShortInterest,
    ShortVolume,
    Split,
)


def company(symbol: str, found: Company, asof_ms: int) -> vendor.Company:
    """Who is behind *symbol*."""
    branding, address = found.branding or Branding(), found.address or Address()
    return vendor.Company(
        symbol=symbol,
        asof_ms=asof_ms,
        name=found.name,
        description=found.description,
        homepage_url=link(found.homepage_url, ("http://", "https://")),
        logo=f"/v1/logo/{symbol}?kind=logo" if branding.logo_url else None,
        icon=f"/v1/logo/{symbol}?kind=icon" if branding.icon_url else None,
        exchange=found.primary_exchange,
        kind=found.type,
        industry=found.sic_description,
        listed_day=found.list_date,
        market_cap_usd=found.market_cap,
        shares_outstanding=found.share_class_shares_outstanding or found.weighted_shares_outstanding,
        employees=found.total_employees,
        phone=found.phone_number,
        city=address.city,
        state=address.state,
        cik=found.cik,
        figi=found.composite_figi,
    )  # fmt: skip


def short_interest(
    symbol: str, found: Sequence[ShortInterest], asof_ms: int
) -> vendor.ShortInterest:
    """Newest first."""
    rows = [
        vendor.ShortInterestRow(
            each.settlement_date, each.short_interest, each.avg_daily_volume, each.days_to_cover
        )
        for each in found
    ]
    return vendor.ShortInterest(
        symbol, asof_ms, sorted(rows, key=lambda row: row.day, reverse=True)
    )


def short_volume(symbol: str, found: Sequence[ShortVolume], asof_ms: int) -> vendor.ShortVolume:
    """Newest first; the part of the total is reckoned here, because zero of zero is none."""
    rows = [
        vendor.ShortVolumeRow(
            day=each.date,
            short_shares=each.short_volume,
            exempt_shares=each.exempt_volume,
            total_shares=each.total_volume,
            short_pct=_part_pct(each.short_volume, each.total_volume),
            nyse_short_shares=each.nyse_short_volume,
            nasdaq_carteret_short_shares=each.nasdaq_carteret_short_volume,
            nasdaq_chicago_short_shares=each.nasdaq_chicago_short_volume,
            adf_short_shares=each.adf_short_volume,
        )
        for each in found
    ]
    return vendor.ShortVolume(symbol, asof_ms, sorted(rows, key=lambda row: row.day, reverse=True))


def splits(symbol: str, found: Sequence[Split], asof_ms: int) -> vendor.Splits:
    """Newest first."""
    rows = [
        vendor.SplitRow(each.execution_date, each.split_from, each.split_to, each.adjustment_type)
        for each in found
    ]
    return vendor.Splits(symbol, asof_ms, sorted(rows, key=lambda row: row.day, reverse=True))


def ticker_events(symbol: str, found: NamedEvents, asof_ms: int) -> vendor.TickerEvents:
    """Newest first."""
    rows = [
        vendor.TickerEventRow(
            each.date, each.type, each.ticker_change.ticker if each.ticker_change else None
        )
        for each in found.events or ()
    ]
    return vendor.TickerEvents(
        symbol, asof_ms, found.name, sorted(rows, key=lambda row: row.day, reverse=True)
    )


def _part_pct(part: float | None, total: float | None) -> float | None:
    return None if part is None or not total else round(100 * part / total, 2)
