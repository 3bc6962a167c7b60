"""TCP ports on loopback: free ones, and whether one is taken."""

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
#: How long a connection to our own machine may take before the port counts as silent.
CONNECT_TIMEOUT_S = 1.0


def free_ports(count: int) -> list[int]:
    """Let the system choose ports; all differ, because all are held until the last is chosen."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def is_taken(port: int) -> bool:
    """Tell whether somebody else holds the port, on loopback or on all addresses."""
    with socket.socket() as probe:
        # Connections of an earlier run that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def accepts(port: int) -> bool:
    """Tell whether something listens on the port and lets us in."""
    try:
        socket.create_connection((LOOPBACK, port), CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True
