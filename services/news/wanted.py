"""Which articles the vendor Finlight is asked for: the filters of one setting, all of them optional."""

import msgspec

from schemas.wire import Wire


class Wanted(Wire, frozen=True, forbid_unknown_fields=True):
    """Filters of articles; None does not filter."""

    query: str | None = None
    tickers: list[str] | None = None
    sources: list[str] | None = None
    exclude_sources: list[str] | None = None
    opt_in_sources: list[str] | None = None
    language: str | None = None
    countries: list[str] | None = None
    categories: list[str] | None = None

    @staticmethod
    def parse(text: str) -> "Wanted":
        """The filters that *text* (a JSON object) asks for; none if it is empty.

        Raises:
            ValueError: it is no such object.
        """
        return msgspec.json.decode(text, type=Wanted) if text else Wanted()
