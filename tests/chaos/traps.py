"""Do something at the very moment that a process sends certain bytes."""

import asyncio
from collections.abc import Callable

from tests.chaos.proxy import Proxy

#: What should be trapped and does not come by within this time is not waited for longer.
TRAP_TIMEOUT_S = 4.0

#: What asyncpg sends to commit, before a binary COPY, and what declaring the first stream has.
COMMIT = b"COMMIT;"
COPY = b"PGCOPY\n"
DECLARE = b"sensor.all.measurements.db_writer.0"
CREATE_TABLE = b"CREATE TABLE"


async def trap(proxy: Proxy, pattern: bytes, spring: Callable[[], object]) -> bool:
    """Call `spring` when a client sends `pattern`, before the server sees it; tell whether it did.

    Whoever is killed by `spring` may still reach the server with what was sent: that is the point.
    """
    sprung = asyncio.Event()

    def spring_once() -> None:
        spring()
        sprung.set()

    proxy.set_trap(pattern, spring_once)
    try:
        async with asyncio.timeout(TRAP_TIMEOUT_S):
            await sprung.wait()
    except TimeoutError:
        return False
    finally:
        proxy.clear_trap()
    return True
