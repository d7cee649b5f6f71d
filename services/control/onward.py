"""Where somebody goes on to after signing in: to a page of ours, and never to where a stranger's link sends them."""

from urllib.parse import urlsplit


HOME = "/"

_MOST_CHARACTERS = 2000


def onward(wanted: str | None, origins: frozenset[str]) -> str:
    r"""*wanted*, if it is a path of our own or a page of one of *origins*; else where everybody begins.

    Browsers read `\` as `/`, leave out line breaks and tabs, and take `//host` for another site:
    what has any of that is no path of ours.
    """
    if not wanted or len(wanted) > _MOST_CHARACTERS or not _is_plain(wanted):
        return HOME
    if wanted.startswith("/"):
        return HOME if wanted.startswith("//") else wanted
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    return wanted if f"{parts.scheme}://{parts.netloc}" in origins else HOME


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not {*" \\"} & {*text}
