"""When a client connects again."""

import pytest

from mesh.errors import ServiceRefusedError
from mesh.reconnecting import SETTLED_S, Reconnecting, code_of
from schemas.widget import CLOSE_CODES, RESTARTING, TOO_MANY, Bye, Close


BY_AGAIN = {
    again: [close for close in CLOSE_CODES if close.again == again]
    for again in ("now", "later", "never")
}


@pytest.mark.parametrize("close", BY_AGAIN["now"], ids=lambda close: close.name)
def test_now_is_within_a_second(close: Close) -> None:
    """However often it comes, the delay is the chance's share of one second."""
    reconnecting = Reconnecting(lambda: 0.5)

    assert [reconnecting.delay_s(close.code, 0.0) for _ in range(5)] == [0.5] * 5


@pytest.mark.parametrize("close", BY_AGAIN["later"], ids=lambda close: close.name)
def test_later_is_half_a_minute_and_grows(close: Close) -> None:
    """The least delay is 30 s, and each next one may be longer."""
    reconnecting = Reconnecting(lambda: 0.5)

    assert [reconnecting.delay_s(close.code, 0.0) for _ in range(3)] == [45, 60, 90]
    assert Reconnecting(lambda: 0.0).delay_s(close.code, 0.0) == 30


@pytest.mark.parametrize("close", BY_AGAIN["never"], ids=lambda close: close.name)
def test_never_is_an_error_that_says_why(close: Close) -> None:
    """The code is a fact of the error, its meaning is in the message."""
    with pytest.raises(ServiceRefusedError, match=close.name) as raised:
        Reconnecting(lambda: 0.5).delay_s(close.code, 100.0)

    assert raised.value.code == close.code
    assert close.meaning in str(raised.value)


@pytest.mark.parametrize("code", [None, 1000, 1006, 1011, 4999])
def test_lost_connection_comes_back_soon_and_then_slower(code: int | None) -> None:
    """Without a code, or with one that is not the service's; a connection that held resets the delays."""
    reconnecting = Reconnecting(lambda: 0.5)

    assert [reconnecting.delay_s(code, 0.0) for _ in range(3)] == [0.25, 0.5, 1.0]
    assert reconnecting.delay_s(code, SETTLED_S) == 0.25


def test_bye_is_obeyed() -> None:
    """The service says the very millisecond, or that one shall not come back, whatever its code is."""
    reconnecting = Reconnecting(lambda: 0.5)

    assert reconnecting.after_bye(Bye(RESTARTING.code, "stops", 1234)) == 1.234
    with pytest.raises(ServiceRefusedError, match="moved away") as raised:
        reconnecting.after_bye(Bye(RESTARTING.code, "moved away", None))
    assert raised.value.code == RESTARTING.code


def test_http_status_is_like_a_close() -> None:
    """Too many: later; a server's own trouble: as if lost; anything else is refused for good."""
    assert [code_of(status) for status in (408, 429, 500, 503)] == [None, TOO_MANY.code, None, None]
    for status in (400, 401, 403, 404):
        with pytest.raises(ServiceRefusedError) as raised:
            code_of(status)
        assert raised.value.code == status
