"""TCP ports on loopback: free ones, and whether one is taken."""

import errno
import random
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress

LOOPBACK = "127.0.0.1"
#: How long a connection to our own machine may take before the port counts as silent.
CONNECT_TIMEOUT_S = 1.0
#: How long the ports of processes that were ended may stay taken, and how often that is looked at.
RELEASE_TIMEOUT_S = 3.0
RELEASE_INTERVAL_S = 0.05
#: Not from where the system takes the ports of outgoing connections (32768 and up on Linux): one
#: of these could be in use for a moment just when a part comes back.
FREE_PORTS = range(20_000, 32_000)

_rng = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """Choose ports that nobody holds; all differ, because all are held until the last is chosen.

    Raises:
        OSError: there are not so many.
    """
    ports: list[int] = []
    with ExitStack() as held:
        for port in _rng.sample(FREE_PORTS, len(FREE_PORTS)):
            if len(ports) == count:
                return ports
            candidate = held.enter_context(socket.socket())
            with suppress(OSError):
                candidate.bind((LOOPBACK, port))
                ports.append(port)
    raise OSError(errno.EADDRINUSE, f"there are no {count} free ports")


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


def wait_released(ports: Iterable[int]) -> None:
    """Return when none of the ports is taken, or after `RELEASE_TIMEOUT_S`.

    What a killed process held is given back a moment after its end.
    """
    deadline = time.monotonic() + RELEASE_TIMEOUT_S
    held = list(ports)
    while held and time.monotonic() < deadline:
        held = [port for port in held if is_taken(port)]
        if held:
            time.sleep(RELEASE_INTERVAL_S)


def accepts(port: int) -> bool:
    """Tell whether something listens on the port and lets us in."""
    try:
        socket.create_connection((LOOPBACK, port), CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True
