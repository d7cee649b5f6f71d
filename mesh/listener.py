"""Sockets that the servers of a program listen on, and the sentence about one that cannot be had."""

import errno
import socket

from mesh.address import family_of
from mesh.errors import FatalError


_TAKEN = (errno.EADDRINUSE, errno.EACCES)


def listener_on(
    host: str, port: int, what: str, choose: str, *, backlog: int = 128, is_shared: bool = False
) -> socket.socket:
    """A socket that listens on *port* of the address *host*; port 0 takes a free one.

    Args:
        host: an address of this machine, as `MESH_HOST` has it; `::` listens for IPv4 as well.
        port: see above.
        what: what the port is for, and *choose* how to have another one, for whoever finds it taken.
        choose: see *what*.
        backlog: connections that may wait to be accepted.
        is_shared: whether several processes may have the port; the kernel deals connections among them.

    Raises:
        FatalError: the port is taken or not allowed, or the address is not of this machine.
    """
    try:
        return socket.create_server(
            (host, port),
            family=family_of(host),
            backlog=backlog,
            reuse_port=is_shared,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise FatalError(
                f"MESH_HOST must be an address of this machine to listen on, was {host}"
            ) from error
        if error.errno not in _TAKEN:
            raise
        raise FatalError(
            f"port {port} for {what} is taken or not allowed on {host}: "
            f"free it, or choose another with {choose}"
        ) from error
