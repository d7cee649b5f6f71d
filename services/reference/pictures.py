"""Pictures of companies: which bytes are one that a page may show. Pure."""

import re


MOST_BYTES = 1 << 20

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_SVG = re.compile(rb"\s*(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE[^>\[]*>\s*)*<svg[\s>]", re.DOTALL)  # fmt: skip
_ACTIVE = re.compile(rb"<script|<foreignObject|<!ENTITY|javascript:|\son\w+\s*=", re.IGNORECASE)
_HEAD_BYTES = 4096


def media_type(content: bytes) -> str | None:
    """The type of a picture, by its bytes and not by what somebody calls it; None if it is none, or could do more than be seen."""
    for beginning, kind in _BEGINNINGS:
        if content.startswith(beginning):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    is_svg = _SVG.match(content[:_HEAD_BYTES]) is not None
    return "image/svg+xml" if is_svg and _ACTIVE.search(content) is None else None
