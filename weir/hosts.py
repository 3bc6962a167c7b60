"""Several hosts in one address, as for a cluster: `scheme://user:password@one:1,two:2/path`.

Spelled as libpq and MongoDB spell it, so that user, password and path are said once. The hosts are
tried in their order, and the first one that takes us is used.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from weir.errors import BrokerUnavailableError

#: A cluster has three nodes, or five; each may cost a connection attempt that runs into its time.
HOST_COUNT_MAX = 16

Host = TypeVar("Host")
Entered = TypeVar("Entered")


def each_host(url: str) -> list[str]:
    """Spell an address once for each of its hosts, in their order.

    Raises:
        ValueError: a host is empty, a port is no port, or there are more than `HOST_COUNT_MAX`.
    """
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    login, at, hosts = authority.rpartition("@")
    urls = [
        f"{scheme}{separator}{login}{at}{host.strip()}{slash}{path}" for host in hosts.split(",")
    ]
    if len(urls) > HOST_COUNT_MAX:
        raise ValueError(f"names {len(urls)} hosts; at most {HOST_COUNT_MAX} are tried")
    if not all(map(_names_host, urls)):
        raise ValueError("must name a host, or several with commas between: one:5672,two:5672")
    return urls


async def first_reached(
    hosts: Sequence[Host], enter: Callable[[Host], Awaitable[Entered]]
) -> Entered:
    """Enter the first of `hosts`, at least one, that is not away.

    Raises:
        BrokerUnavailableError: all are; the message has the reason of each.
        WeirError: whatever else `enter` raises, at once: the next host would say the same.
    """
    refusals = []
    for host in hosts:
        try:
            return await enter(host)
        except BrokerUnavailableError as error:
            refusals.append(error)
    if len(refusals) == 1:
        raise refusals[0]
    raise BrokerUnavailableError("; ".join(map(str, refusals))) from refusals[-1]


def _names_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        # Its text may quote a password that was not escaped.
        return False
