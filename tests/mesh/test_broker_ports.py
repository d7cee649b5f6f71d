"""The embedded broker's ports and command."""

import socket
from pathlib import Path

import pytest

from mesh import broker
from mesh.errors import FatalError


@pytest.fixture
def taken() -> socket.socket:
    """A socket that listens on a port of 127.0.0.1; whoever takes it closes it."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server does
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


def test_port_that_was_asked_for_and_is_free_is_taken() -> None:
    """Who asks for a port gets that one."""
    port = broker.free_port()

    assert broker.choose_port(port, 1, "the page", "--port") == port


def test_port_that_was_asked_for_and_is_taken_is_refused(taken: socket.socket) -> None:
    """The sentence names the port, what it was for, and how to ask for another."""
    with taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError) as refusal:
            broker.choose_port(port, 8080, "the page", "--port or MESH_PORT")

        assert str(refusal.value) == (
            f"port {port} for the page is taken: stop what listens there, "
            "or choose another with --port or MESH_PORT"
        )


def test_usual_port_gives_way_to_a_free_one(taken: socket.socket) -> None:
    """Without a wish the usual port is used, or another if somebody listens there."""
    usual = broker.free_port()
    with taken:
        port = taken.getsockname()[1]

        assert broker.choose_port(0, usual, "the page", "--port") == usual
        found = broker.choose_port(0, port, "the page", "--port")
        assert found != port
        assert broker.is_free(found)


def test_port_taken_on_all_addresses_is_not_free() -> None:
    """A server that listens on 0.0.0.0 also holds the port of 127.0.0.1."""
    with socket.socket() as listening:
        listening.bind(("0.0.0.0", 0))  # noqa: S104 (the case that is tested)
        listening.listen()

        assert not broker.is_free(listening.getsockname()[1])


def test_port_is_free_again_after_its_connections_ended(taken: socket.socket) -> None:
    """A server that was stopped a moment ago does not block its own port."""
    port = taken.getsockname()[1]
    with taken, socket.create_connection(("127.0.0.1", port)) as client:
        accepted, _ = taken.accept()
        accepted.close()
        assert client.recv(1) == b""

    assert broker.is_free(port)


async def test_waiting_for_nobody_ends(taken: socket.socket) -> None:
    """Something that listens is found, and nothing is given up on after the time-out."""
    with taken:
        assert await broker.wait_until_listening(taken.getsockname()[1])

    assert not await broker.wait_until_listening(broker.free_port(), timeout_s=0.05)


def test_ports_that_are_taken_together_differ() -> None:
    """A cluster's ports are chosen at once, so that no two of its servers get the same."""
    ports = broker.free_ports(50)

    assert len(set(ports)) == 50


def test_each_node_of_a_cluster_has_a_place_of_its_own(tmp_path: Path) -> None:
    """Names, ports and folders differ; a node is told the others' ports for routes as one list."""
    nodes = broker.place_nodes(tmp_path, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    command = broker.node_command(Path("cluster.conf"), nodes[1], [3, 9])

    assert [node.name for node in nodes] == ["broker", "broker-2", "broker-3"]
    assert nodes[1] == broker.Node("broker-2", 4, 5, 6, tmp_path / "broker-2")
    assert command.url == "nats://127.0.0.1:4"
    assert command.environment["MESH_BROKER_NAME"] == "broker-2"
    assert command.environment["MESH_BROKER_ROUTES"] == "[nats://127.0.0.1:3, nats://127.0.0.1:9]"


def test_store_may_have_blanks_in_its_path(tmp_path: Path) -> None:
    """The configuration reads the folder as one value, whatever is in its name."""
    command = broker.command(Path("server.conf"), 1, 2, tmp_path / "my data")

    assert command.environment["MESH_BROKER_STORE"] == f'"{tmp_path}/my data"'
    assert command.url == "nats://127.0.0.1:1"
