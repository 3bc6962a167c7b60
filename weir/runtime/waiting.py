"""Wait for a dependency, repeat an action, stop when told: what every service does."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from weir.errors import TransientError
from weir.runtime.outage import Outage

T = TypeVar("T")


async def until_available(action: Callable[[], Awaitable[T]]) -> T:
    """Do `action` until no dependency is away; says the loss and the recovery once.

    Raises:
        WeirError: whatever `action` raises that waiting cannot help.
    """
    outage = Outage()
    while True:
        try:
            result = await action()
        except TransientError as error:
            await outage.wait(error)
        else:
            outage.over()
            return result


async def repeat(interval_s: float, action: Callable[[], Awaitable[object]]) -> None:
    """Do `action` now and every `interval_s` seconds, waiting out outages, until cancelled."""
    while True:
        await until_available(action)
        await asyncio.sleep(interval_s)


async def run_until(stop: asyncio.Event, *parts: Coroutine[Any, Any, None]) -> None:
    """Run `parts` together until `stop` is set or one of them fails; then cancel the others.

    Raises:
        WeirError: what the first part that failed has raised.
    """
    tasks = [asyncio.create_task(part) for part in parts]
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in [*tasks, stopping]:
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
