"""What is known of the companies of the synthetic market: profile, short sales, filings, pictures.

All of it follows from the ticker and the day of the market, and reads as if somebody had invented it,
which is the case.
"""

import struct
import zlib
from datetime import date, timedelta

from mesh.calendar import day_at, day_of, previous_trading_day
from mesh.partition import fnv1a_32
from services.simulator.catalogue import Catalogue, Known
from services.simulator.chance import Chance, seeded
from services.simulator.paging import Row


_INDUSTRIES = ("SEMICONDUCTORS & RELATED DEVICES", "PHARMACEUTICAL PREPARATIONS", "STATE COMMERCIAL BANKS", "RETAIL-EATING PLACES",
    "CRUDE PETROLEUM & NATURAL GAS", "SERVICES-PREPACKAGED SOFTWARE")  # fmt: skip
_CITIES = (("AUSTIN", "TX"), ("BOSTON", "MA"), ("SAN JOSE", "CA"), ("DENVER", "CO"))
_FORMS = (
    "4",
    "4",
    "4",
    "8-K",
    "8-K",
    "10-Q",
    "SC 13G/A",
    "144",
    "10-K",
    "S-8",
    "DEF 14A",
    "424B5",
    "CORRESP",
)
"""As often as companies file them, about."""
_SETTLEMENTS, _DAYS, _FILINGS = 48, 120, 130
_MIDDLE = 15
_ICON_PIXELS = 32


def profile(catalogue: Catalogue, known: Known, base: str) -> Row:
    """What the vendor tells of a company beside its listing; *base* is where its pictures are."""
    chance = _chance(known.ticker, "profile")
    city, state = chance.choice(_CITIES)
    row: Row = {
        "description": f"{known.name} exists in a synthetic market only. What it makes is volume, and what it sells is {known.ticker}.",
        "homepage_url": f"https://{known.ticker.lower().replace('.', '-')}.example",
        "sic_description": chance.choice(_INDUSTRIES),
        "total_employees": chance.randrange(20, 200_000),
        "phone_number": f"555-{chance.randrange(10_000):04d}",
        "address": {"address1": "1 Market Street", "city": city, "state": state},
    }
    if known.kind == "CS":
        pictures = f"{base.rstrip('/')}/v1/reference/company-branding/{known.ticker}/images"
        row["branding"] = {"logo_url": f"{pictures}/logo.svg", "icon_url": f"{pictures}/icon.png"}
    bar = catalogue.day_bar(known.ticker, _today(catalogue).isoformat(), adjusted=True)
    if bar is not None and known.shares_outstanding:
        row["market_cap"] = round(float(bar.close_usd) * known.shares_outstanding)
    return row


def short_interest(catalogue: Catalogue, known: Known) -> list[Row]:
    """Of two days a month, as exchanges report it some days later."""
    chance = _chance(known.ticker, "interest")
    average = max(100, (known.shares_outstanding or 1_000_000) // 200)
    rows: list[Row] = []
    day = _today(catalogue) - timedelta(9)
    while len(rows) < _SETTLEMENTS:
        if day.day == _MIDDLE or (day + timedelta(1)).day == 1:
            short = round(average * chance.uniform(0.5, 8))
            rows.append({
                "ticker": known.ticker, "settlement_date": day.isoformat(), "short_interest": short,
                "avg_daily_volume": average, "days_to_cover": round(max(1.0, short / average), 2),
            })  # fmt: skip
        day -= timedelta(1)
    return rows


def short_volume(catalogue: Catalogue, known: Known) -> list[Row]:
    """Of each trading day that is over."""
    day = day_of(_today(catalogue))
    rows = []
    for _ in range(_DAYS):
        day = previous_trading_day(day)
        chance = _chance(known.ticker, day.name)
        bar = catalogue.day_bar(known.ticker, day.name, adjusted=True)
        if bar is None:
            break
        total = max(1, round(bar.volume_shares * 0.45))
        short = round(total * chance.uniform(0.2, 0.7))
        nyse = short // 10
        rows.append({
            "ticker": known.ticker, "date": day.name, "total_volume": total, "short_volume": short,
            "exempt_volume": short // 200, "non_exempt_volume": short - short // 200,
            "short_volume_ratio": round(100 * short / total, 2), "nyse_short_volume": nyse,
            "nasdaq_carteret_short_volume": short - nyse, "nasdaq_chicago_short_volume": 0, "adf_short_volume": 0,
        })  # fmt: skip
    return rows


def filings(catalogue: Catalogue, known: Known) -> list[Row]:
    """Lines of the SEC's index; funds and warrants file nothing."""
    if known.kind != "CS":
        return []
    chance = _chance(known.ticker, "filings")
    cik, day = int(known.cik), _today(catalogue)
    rows = []
    for number in range(_FILINGS, 0, -1):
        day -= timedelta(chance.randrange(1, 12))
        accession = f"{cik:010d}-{day.year % 100:02d}-{number:06d}"
        rows.append({
            "ticker": known.ticker, "filing_date": day.isoformat(), "form_type": chance.choice(_FORMS),
            "issuer_name": known.name, "cik": known.cik, "accession_number": accession,
            "filing_url": f"https://www.sec.gov/Archives/edgar/data/{cik}/{accession}.txt",
        })  # fmt: skip
    return rows


def logo(known: Known) -> bytes:
    """An SVG picture with the ticker in it."""
    text = f'<text x="100" y="40" font-family="sans-serif" font-size="28" text-anchor="middle" fill="#fff">{known.ticker}</text>'
    box = f'<rect width="200" height="60" rx="8" fill="#{_colour(known):06x}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="60">{box}{text}</svg>'.encode()


def icon(known: Known) -> bytes:
    """A PNG picture of one colour."""
    line = b"\x00" + _colour(known).to_bytes(3, "big") * _ICON_PIXELS
    head = struct.pack(">IIBBBBB", _ICON_PIXELS, _ICON_PIXELS, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(line * _ICON_PIXELS)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def _colour(known: Known) -> int:
    return fnv1a_32(known.ticker.encode()) & 0x7F7F7F


def _today(catalogue: Catalogue) -> date:
    return date.fromisoformat(day_at(catalogue.now_ms()).name)


def _chance(ticker: str, what: str) -> Chance:
    return seeded(fnv1a_32(f"{ticker}/{what}".encode()))
