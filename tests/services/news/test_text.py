"""What others wrote becomes plain bounded text, and links lead where a browser may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.news.text import canonical, cut, plain, safe_link


MARKUP = st.sampled_from(
    ["<b>", "</b>", "<script>", "</script>", "<img src=x onerror=y>", "<a href='", "<!--", "-->", "&lt;", "&gt;",
     "&amp;", "&#60;", "&#x3c;", "&lt", "<", ">", "&amp;lt;", "\x00", "\x1b", "\u202e", "\u200b", "\ud800",
     "\x85", "\x1c", "\n", "a", "B", "/", "!", "scr", "ipt", " ", "5 < 6", "P&L"]
)  # fmt: skip


@given(st.lists(st.one_of(MARKUP, st.text(max_size=5)), max_size=20).map("".join))
def test_no_markup_and_nothing_unseen_is_left(text: str) -> None:
    """Whatever came, no browser finds a tag in it, unescaped once or twice or not at all, and it is one line."""
    found = plain(text, 200)

    assert not any(mark in found for mark in ("<b", "</", "<s", "<i", "<a", "<!", "<?"))
    assert all(each.isprintable() for each in found)
    assert len(found.encode()) <= 200
    assert plain(found, 200) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AT&amp;T beats; P/E < 5 &amp; rising", "AT&T beats; P/E < 5 & rising"),
        ("<b>Bold</b> move", "Bold move"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Title", "Title"),
        ("&amp;lt;b&amp;gt;Title", "Title"),
        ("a\x00b\x07c\u202ed\u200be", "abcde"),
        ("two\n\tlines  here", "two lines here"),
        ("<img src=x onerror=alert(1)", "img src=x onerror=alert(1)"),
        ("<scr<b>ipt>x", "scr ipt>x"),
        ("<style>p{}</style>Styled", "Styled"),
        ("Müller & Söhne — “größer”", "Müller & Söhne — “größer”"),
    ],
)
def test_titles_by_example(text: str, expected: str) -> None:
    """Signs that are meant stay, markup goes."""
    assert plain(text, 200) == expected


def test_a_megabyte_is_cut_before_it_is_cleaned() -> None:
    """The work does not grow with what is thrown away."""
    assert plain("<" * 1_000_000, 400) == plain("<" * 1600, 400)


@given(st.text(), st.integers(4, 50))
def test_cut_text_fits_and_begins_alike(text: str, most_bytes: int) -> None:
    """Cut at a character, never inside one; what fits is left."""
    text = text.encode(errors="ignore").decode()
    found = cut(text, most_bytes)

    assert len(found.encode()) <= most_bytes
    assert found == text or (found.endswith("…") and text.startswith(found[:-1]))


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "ftp://a.example/", "//a.example/", "http://", "https:///x",
     "https://user:pass@a.example/", "https://a.example/\nx", "https://a.example/ x", 'https://a.example/"x', "https://a.example/<x>",
     "https://[::1", "https://a.example/" + "x" * 900, "", "http:a.example", "https://a.example\\@b.example/", "vbscript:x"],
)  # fmt: skip
def test_other_links_are_none(link: str) -> None:
    """What is not http or https, names no host, holds a password or could leave an attribute."""
    assert safe_link(link) is None


def test_links_stay_as_they_are() -> None:
    """Also with ports, queries and other scripts."""
    for link in ("https://a.example/1?b=c&d=e#f", "HTTP://A.example:8080/x", "https://bücher.example/ä"):  # fmt: skip
        assert safe_link(f"  {link} ") == link


def test_spellings_of_one_link_are_one_article() -> None:
    """Scheme, `www`, a last slash, the fragment and what counts visitors do not matter; all else does."""
    same = {
        canonical(link)
        for link in (
            "https://www.a.example/x/", "http://A.example/x", "https://a.example/x?utm_source=b&ref=c#d",
        )
    }  # fmt: skip

    assert len(same) == 1
    assert canonical("https://a.example/x?id=1") != canonical("https://a.example/x?id=2")
