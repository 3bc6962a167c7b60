"""Run something beside a test, and fail the test when it fails."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def running(part: Coroutine[Any, Any, object]) -> AsyncIterator["asyncio.Task[object]"]:
    """Run `part` as a task for the time of the block; what it raised is raised at the end."""
    task: asyncio.Task[object] = asyncio.create_task(part)
    try:
        yield task
    finally:
        was_done = task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    if was_done:
        raise AssertionError("it ended by itself")
