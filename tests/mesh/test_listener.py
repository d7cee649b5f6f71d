"""Where servers listen: at the address that they are given, and nowhere else."""

import socket

import pytest

from mesh.errors import FatalError
from mesh.listener import listener_on


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except ConnectionRefusedError:
        return False


def _require_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")


def test_server_is_reached_at_its_address_alone() -> None:
    """Who listens on one address of the machine is not there on another."""
    with listener_on("127.0.0.2", 0, "a test", "nothing") as listener:
        port = listener.getsockname()[1]
        found = {host: _answers(host, port) for host in ("127.0.0.1", "127.0.0.2")}

    assert found == {"127.0.0.1": False, "127.0.0.2": True}


def test_server_on_every_address_is_reached_at_each() -> None:
    """0.0.0.0 is all of them, as containers need it."""
    with listener_on("0.0.0.0", 0, "a test", "nothing") as listener:  # noqa: S104 (that is the subject)
        port = listener.getsockname()[1]
        found = [_answers(host, port) for host in ("127.0.0.1", "127.0.0.2")]

    assert found == [True, True]


def test_server_on_every_address_of_ipv6_is_reached_by_ipv4_too() -> None:
    """`::` alone serves a cluster that has both families."""
    _require_ipv6()
    with listener_on("::", 0, "a test", "nothing") as listener:
        port = listener.getsockname()[1]
        found = [_answers(host, port) for host in ("127.0.0.1", "::1")]

    assert found == [True, True]


def test_address_of_another_machine_is_a_sentence() -> None:
    """An address that this machine does not have is said to be none, with the setting to change."""
    with pytest.raises(FatalError, match=r"MESH_HOST must be .* this machine .* was 192\.0\.2\.1"):
        listener_on("192.0.2.1", 0, "a test", "nothing")


def test_taken_port_is_a_sentence() -> None:
    """It names the port, what it was for, and the setting to change."""
    with listener_on("127.0.0.1", 0, "a test", "nothing") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError, match=f"port {port} for the page is taken .*MESH_PORT"):
            listener_on("127.0.0.1", port, "the page", "MESH_PORT")


def test_several_processes_share_a_port_if_they_say_so() -> None:
    """A second process of the same program may listen where the first does."""
    with listener_on("127.0.0.1", 0, "a test", "nothing", is_shared=True) as first:
        port = first.getsockname()[1]
        with listener_on("127.0.0.1", port, "a test", "nothing", is_shared=True) as second:
            assert second.getsockname()[1] == port
