"""Lists as the vendor gives them: filtered by query, in pages, the next one behind `next_url`."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from operator import ge, gt, le, lt
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar import MediaType, Request, Response

from schemas.wire import encode_json


Row = dict[str, Any]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {"gte": ge, "gt": gt, "lte": le, "lt": lt}
_NO_FILTERS = frozenset({"limit", "cursor", "sort", "order", "apiKey", "active", "market", "date", "search", "locale"})  # fmt: skip


def answer(body: Any, status: HTTPStatus = HTTPStatus.OK) -> Response[bytes]:
    """*body* as JSON."""
    return Response(encode_json(body), status_code=status, media_type=MediaType.JSON)


def refusal(text: str, status: HTTPStatus) -> Response[bytes]:
    """What the vendor says to a request that it does not serve."""
    return answer({"status": "ERROR", "request_id": "simulator", "error": text}, status)


def not_found(text: str) -> Response[bytes]:
    """What the vendor says of something that is not there."""
    body = {"status": "NOT_FOUND", "request_id": "simulator", "message": text}
    return answer(body, HTTPStatus.NOT_FOUND)


def page(
    request: Request[Any, Any, Any], rows: Iterable[Row], usual: int, most: int
) -> Response[bytes]:
    """The page of *rows* that *request* asks for.

    Args:
        request: its query filters by fields (`ticker`, `execution_date.gte`), sorts and limits.
        rows: all there are.
        usual: rows on a page if the request does not say.
        most: largest limit that a request may ask for.
    """
    try:
        query = asked(request)
        limit, first = int(query.get("limit", usual)), int(query.pop("first", 0))
    except ValueError:
        return refusal("Could not parse the limit or the cursor", HTTPStatus.BAD_REQUEST)
    if not 1 <= limit <= most:
        return refusal(f"limit must be 1 to {most}, was {limit}", HTTPStatus.BAD_REQUEST)
    found = _sorted([row for row in rows if _fits(row, query)], query)
    body: Row = {
        "status": "OK", "request_id": "simulator", "results": found[first : first + limit],
        "count": len(found[first : first + limit]),
    }  # fmt: skip
    if first + limit < len(found):
        body["next_url"] = next_page(request, first + limit)
    return answer(body)


def next_page(request: Request[Any, Any, Any], first: int) -> str:
    """Where the rest is, from the row *first* on."""
    query = asked(request)
    query.pop("apiKey", None)
    cursor = urlencode({**query, "first": first}).encode()
    address = str(request.url).partition("?")[0]
    return f"{address}?cursor={urlsafe_b64encode(cursor).decode()}"


def asked(request: Request[Any, Any, Any]) -> dict[str, str]:
    """What was asked for; on a later page, what was on the first. Raises ValueError if the cursor is none."""
    query = dict(request.query_params)
    query |= dict(parse_qsl(urlsafe_b64decode(query.pop("cursor", "")).decode()))
    return query


def _fits(row: Row, query: dict[str, str]) -> bool:
    for name, text in query.items():
        if name in _NO_FILTERS:
            continue
        field, _, how = name.partition(".")
        value = row.get(field)
        if value is None:
            return False
        wanted = type(value)(text) if how != "any_of" else text.split(",")
        if how == "any_of":
            fits = str(value) in wanted
        else:
            fits = _COMPARE[how](value, wanted) if how in _COMPARE else value == wanted
        if not fits:
            return False
    return True


def _sorted(rows: list[Row], query: dict[str, str]) -> Sequence[Row]:
    field, _, direction = query.get("sort", "ticker").partition(".")
    if not rows or field not in rows[0]:
        return rows
    return sorted(
        rows,
        key=lambda row: row[field],
        reverse="desc" in (direction, query.get("order")),
    )
