"""What a handshake says: the token is found where it may be, and refused where it must not."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import TokenError
from mesh.tokens import MAX_TOKEN_CHARACTERS, Tokens
from schemas.widget import SUBPROTOCOL
from services.widgets.credentials import origin_allowed, subprotocol_for, token_of


TOKEN = Tokens(b"k" * 32).issue("ann", ["board/*"], 60, 1_767_623_400_045.0)
SECRETS = (TOKEN, *TOKEN.split("."), "hunter2")

Headers = list[tuple[bytes | str, bytes | str]]


def _refusal(
    headers: Headers, subprotocols: list[str] | None = None, query: bytes | str = ""
) -> str:
    """The reason for which a handshake is refused; fails if anything that was sent is in it."""
    with pytest.raises(TokenError) as refusal:
        token_of(headers, subprotocols or [], query)
    shown = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value.__context__)
    assert not [secret for secret in SECRETS if secret in shown]
    return str(refusal.value)


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {TOKEN}")],
        [(b"authorization", f"bearer {TOKEN}".encode())],
        [(b"AUTHORIZATION", f"BEARER   {TOKEN}".encode())],
        [("host", "a"), ("Authorization", f" Bearer {TOKEN}\t"), ("cookie", "token=hunter2")],
    ],
)
def test_token_is_taken_from_its_header(headers: Headers) -> None:
    """Name and scheme may be written in any case, as bytes or text, and other headers do not matter."""
    assert token_of(headers) == TOKEN


@pytest.mark.parametrize(
    "offered", [[SUBPROTOCOL, f"token.{TOKEN}"], [f"token.{TOKEN}", "other", SUBPROTOCOL]]
)
def test_token_is_taken_from_its_subprotocol(offered: list[str]) -> None:
    """A browser offers the token beside the protocol, in any order, and is answered with the protocol alone."""
    assert token_of([], offered) == TOKEN
    assert subprotocol_for(offered) == SUBPROTOCOL


@pytest.mark.parametrize(
    ("headers", "offered", "query"),
    [
        ([], [], ""),
        ([], [SUBPROTOCOL], b""),
        ([("cookie", f"token={TOKEN}")], [], ""),
        ([("Authorization", "Basic aHVudGVyMg==")], [], ""),
        ([("Authorization", "")], [], ""),
        ([("Authorization", f"Bearers {TOKEN}")], [], ""),
        ([("X-Authorization", f"Bearer {TOKEN}")], [], ""),
        ([("Proxy-Authorization", f"Bearer {TOKEN}")], [], ""),
        ([(b"\xff", b"\xff")], ["tokens.a", "TOKEN.a", "token"], ""),
        ([], [], "protocol=1&symbols=BRK.B,ABC.WS.A&v=1.2.3&tokens_per_row=5&keyboard=us"),
    ],
)
def test_handshake_without_a_token_has_none(
    headers: Headers, offered: list[str], query: bytes | str
) -> None:
    """Cookies, other schemes and other parameters are no token: the client has to send one in its first frame."""
    assert token_of(headers, offered, query) is None


def test_token_of_a_page_behind_a_guarded_proxy_is_found() -> None:
    """A proxy's own Basic credentials do not hide the token of the subprotocol."""
    assert token_of([("Authorization", "Basic x")], [SUBPROTOCOL, f"token.{TOKEN}"]) == TOKEN


@pytest.mark.parametrize(
    "value",
    [
        "Bearer", "Bearer ", f"Bearer {TOKEN} hunter2", f"Bearer {TOKEN},{TOKEN}", f"Bearer\t{TOKEN}", f"Bearer={TOKEN}",
        f"Bearer: {TOKEN}", f'Bearer "{TOKEN}"', "Bearer hunter2\r\nX: y", "Bearer hunter2\0", b"Bearer hunter2\xff",
        "Bearer hunter2é", "Bearer \ud800hunter2", "Bearer ====", f"Bearer Bearer {TOKEN}",
    ],
)  # fmt: skip
def test_malformed_header_is_refused(value: bytes | str) -> None:
    """What says that it is a bearer's token and is not one is refused, not taken for none."""
    assert "Authorization" in _refusal([("Authorization", value)])


@pytest.mark.parametrize(
    "offered",
    [
        [f"token.{TOKEN}"],
        [f"token.{TOKEN}", "tickmesh.2"],
        [SUBPROTOCOL, "token."],
        [SUBPROTOCOL, "token.hunter2 x"],
        [SUBPROTOCOL, "token.hunter2,x"],
        [SUBPROTOCOL, "token.hunter2\n"],
        [SUBPROTOCOL, "token.hunter2é"],
    ],
)
def test_malformed_subprotocol_is_refused(offered: list[str]) -> None:
    """A token without the protocol beside it would have to be sent back as the answer; a malformed one is none."""
    assert "subprotocol" in _refusal([], offered)


def test_token_that_is_given_twice_is_refused() -> None:
    """Which of two tokens counts is never a question, not even if they are the same."""
    header: Headers = [("Authorization", f"Bearer {TOKEN}")]
    offered = [SUBPROTOCOL, f"token.{TOKEN}"]

    assert "once" in _refusal(header, offered)
    assert "once" in _refusal([], [*offered, "token.hunter2"])
    assert "one Authorization" in _refusal([*header, (b"authorization", b"Basic hunter2")])


@pytest.mark.parametrize(
    "query",
    [
        f"token={TOKEN}",
        f"x=1&access_token={TOKEN}".encode(),
        "token=hunter2",
        "TOKEN=hunter2",
        "Access-Token=hunter2",
        "access%5Ftoken=hunter2",
        "a=b;jwt=hunter2",
        "apikey=hunter2",
        "api_key=hunter2",
        "authorization=Bearer+hunter2",
        "token",
        "token=",
        "?token=hunter2",
        f"anything={TOKEN}",
        TOKEN,
        f"x=token.{TOKEN}",
        f"x={TOKEN}".replace("e", "%65").replace(".", "%2E"),
        f"x={TOKEN.rpartition('.')[0]}.",
        b"\xff&token=hunter2",
        f"{'eyJ' * 20_000}&token=hunter2",
    ],
)
def test_token_in_the_url_is_refused(query: bytes | str) -> None:
    """A parameter that is named like a token or looks like one is refused, even if a good token comes as it should."""
    assert "URL" in _refusal([], query=query)
    assert "URL" in _refusal([("Authorization", f"Bearer {TOKEN}")], [SUBPROTOCOL], query)


@given(
    st.lists(st.tuples(st.binary() | st.text() | st.just("authorization"), st.binary() | st.text())),
    st.lists(st.text() | st.text().map("token.{}".format) | st.just(SUBPROTOCOL)),
    st.binary() | st.text() | st.text("%&=;eyJ.token", max_size=80),
)  # fmt: skip
def test_any_handshake_is_answered(
    headers: Headers, offered: list[str], query: bytes | str
) -> None:
    """Whatever is sent gives a token of visible ASCII, none, or a refusal, and never another error."""
    try:
        token = token_of(headers, offered, query)
    except TokenError:
        return
    assert token is None or (token.isascii() and token.isprintable() and " " not in token)


@given(st.lists(st.text() | st.just(f"token.{TOKEN}") | st.just("tickmesh.2")))
def test_answer_is_never_a_token(offered: list[str]) -> None:
    """A subprotocol is only ever answered with ours."""
    assert subprotocol_for(offered) is None
    assert subprotocol_for([*offered, SUBPROTOCOL]) == SUBPROTOCOL


def test_longest_token_fits_into_a_header() -> None:
    """No token is refused for its length here: whoever reads it does that."""
    text = "a" * MAX_TOKEN_CHARACTERS

    assert token_of([("Authorization", f"Bearer {text}")]) == text


OURS = frozenset({"https://desk.example.com", "http://127.0.0.1:8080"})


def test_page_of_an_allowed_origin_may_connect() -> None:
    """An origin that is named, and a client that is no page, may connect."""
    assert all(origin_allowed(origin, OURS) for origin in (*OURS, None))


@pytest.mark.parametrize(
    "origin",
    [
        "", "null", "*", "https://desk.example.com/", "https://desk.example.com:443", "http://desk.example.com",
        "https://DESK.example.com", "https://desk.example.com.evil.example", "https://evil.example?https://desk.example.com",
        "https://evildesk.example.com", "https://sub.desk.example.com", "desk.example.com", " https://desk.example.com",
        "https://desk.example.com\n", "https://user@desk.example.com", "http://127.0.0.1", "http://127.0.0.1:80800",
        "http://localhost:8080", "file://", "https://desk.example.com, https://desk.example.com", "https://desk.exаmple.com",
    ],
)  # fmt: skip
def test_page_of_any_other_origin_may_not(origin: str) -> None:
    """Prefixes, suffixes, other ports, schemes and letters, lists and look-alikes are other origins."""
    assert not origin_allowed(origin, OURS)
    assert not origin_allowed(origin, frozenset())
