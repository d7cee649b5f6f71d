"""The page as it is built: small, complete, and of nothing but what the service serves."""

import gzip
import re
from pathlib import Path

import pytest

from services.widgets.page import MEDIA_TYPES, WEB


MOST_PACKED_BYTES = 150 * 1024
BUILT = sorted(WEB.glob("*"))


def test_page_is_built() -> None:
    """`make setup` has built it, and nothing is there that the service would not serve."""
    assert "index.html" in {path.name for path in BUILT}
    assert {path.suffix for path in BUILT} <= MEDIA_TYPES.keys()


def test_page_is_small() -> None:
    """All of it together, packed as it travels, is at most 150 KB: what is loaded later included."""
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in BUILT}

    assert 0 < sum(sizes.values()) <= MOST_PACKED_BYTES, sizes


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.name)
def test_page_loads_nothing_from_elsewhere(path: Path) -> None:
    """No file imports, links or fetches by an address with a host, and no script or style stands in the HTML."""
    text = path.read_text()
    loads = re.findall(r"""(?:from|import|src=|url\()\s*\(?["']?(?:https?:)?//[^"')]+""", text)

    assert loads == []
    if path.suffix == ".html":
        assert not re.search(r"<style|style=|<script(?![^>]*\bsrc=)|\son\w+=", text)
