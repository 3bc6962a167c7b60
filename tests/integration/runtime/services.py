"""Services to run as processes: `python -m tests.integration.runtime.services NAME`."""

import asyncio
import os
import sys

from weir.config import Settings
from weir.errors import ConfigError, WeirError
from weir.runtime.service import run_service


async def patient(stop: asyncio.Event) -> None:
    await stop.wait()


async def stubborn(stop: asyncio.Event) -> None:
    await stop.wait()
    await asyncio.Event().wait()


async def finite(_: asyncio.Event) -> None:
    return


async def misconfigured(_: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_refuse())


async def crashing(_: asyncio.Event) -> None:
    raise ZeroDivisionError("a bug")


async def _refuse() -> None:
    raise ConfigError("one thing is wrong", "another one too")


SERVICES = {
    service.__name__: service for service in (patient, stubborn, finite, misconfigured, crashing)
}

if __name__ == "__main__":
    try:
        names = sys.argv[1].split(",")
        mains = {name: SERVICES[name] for name in names}
        run_service(sys.argv[1], Settings.from_env(os.environ), mains)
    except WeirError as error:
        sys.exit(f"{type(error).__name__}: {error}")
