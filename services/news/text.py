"""What others wrote, made fit to be shown: plain bounded text, and links that a browser may follow.

Titles come with markup, entities and characters that cannot be seen. What leaves here holds none of
them, so that nothing depends on every page of every client escaping it.
"""

import re
from html import unescape
from urllib.parse import urlsplit


_MOST_PASSES = 5
"""Of unescaping: `&amp;amp;lt;` is somebody's idea of a `<`."""
_HIDDEN_PARTS = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_COMMENTS = re.compile(r"<!--.*?(-->|\Z)", re.DOTALL)
_TAGS = re.compile(r"</?[a-zA-Z!?][^<>]*>")
_OPENED = re.compile(r"<(?=[a-zA-Z/!?])")
"""What a browser takes for the begin of a tag, whatever follows."""
_SPACES = re.compile(r"\s+")
_LINK = re.compile(r"[!-~\u00a1-\U0010fffd]+")
_MOST_LINK_BYTES = 800
_SCHEMES = ("http", "https")


def plain(text: str, most_bytes: int) -> str:
    """*text* without markup, entities, line breaks and what cannot be seen, of at most *most_bytes* in UTF-8."""
    # What comes is cut first: cleaning a megabyte would take as long as cleaning all other articles of a day.
    text = text[: 4 * most_bytes]
    for _ in range(_MOST_PASSES):
        before = text
        text = _without_markup(unescape(text))
        if text == before:
            break
    else:
        text = text.replace("&", " ")
    return cut(_SPACES.sub(" ", text).strip(), most_bytes)


def _without_markup(text: str) -> str:
    # Control characters, halves of characters, and those that have no width or turn the direction of others.
    text = "".join([each for each in text if each.isprintable() or each.isspace()])
    text = _TAGS.sub(" ", _COMMENTS.sub(" ", _HIDDEN_PARTS.sub(" ", text)))
    return _OPENED.sub("", text)


def cut(text: str, most_bytes: int) -> str:
    """*text*, cut at a word where it is longer than *most_bytes* in UTF-8, and marked so."""
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    kept = encoded[: most_bytes - 3].decode(errors="ignore")
    head, space, _ = kept.rpartition(" ")
    return f"{head if space else kept}…"


def safe_link(text: str | None) -> str | None:
    """*text* if it is an http or https link that names a host and nobody's password; None otherwise."""
    if not text:
        return None
    link = text.strip()
    if not _LINK.fullmatch(link) or len(link.encode()) > _MOST_LINK_BYTES:
        return None
    if any(each in link for each in "<>\"'`\\"):
        return None
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme.lower() not in _SCHEMES or not host or "@" in parts.netloc:
        return None
    return link


def canonical(link: str) -> str:
    """What different spellings of a *link* to one article have in common."""
    parts = urlsplit(link)
    kept = [each for each in parts.query.split("&") if each and not _is_tracking(each)]
    host = (parts.hostname or "").removeprefix("www.")
    return f"{host}{parts.path.rstrip('/')}?{'&'.join(sorted(kept))}"


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name.startswith("utm_") or name in ("fbclid", "gclid", "ref", "cmpid")
