"""Links that a page may show, of those that a vendor names. Pure."""

from urllib.parse import urlsplit


_LONGEST_CHARACTERS = 2000


def link(url: str | None, beginnings: tuple[str, ...]) -> str | None:
    """*url*, if it is one that a page may show."""
    if url is None or len(url) > _LONGEST_CHARACTERS or not url.isascii() or not url.isprintable():
        return None
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return url if host and "@" not in url and url.lower().startswith(beginnings) else None
