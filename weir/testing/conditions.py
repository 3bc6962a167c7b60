"""Wait for something to become true: the one place where test code sleeps."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

TIMEOUT_S = 20.0
INTERVAL_S = 0.05

T = TypeVar("T")


@overload
async def eventually(condition: Callable[[], Awaitable[T]], timeout_s: float = TIMEOUT_S) -> T: ...


@overload
async def eventually(condition: Callable[[], T], timeout_s: float = TIMEOUT_S) -> T: ...


async def eventually(condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> object:
    """Ask again and again until the answer is true, and give it.

    `condition` may be a function or a coroutine function. What it raises, passes through, save
    an `AssertionError`, which counts as "not yet".

    Raises:
        AssertionError: the last answer, or the last failed assertion, when time is up.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        failure: AssertionError | None = None
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure or AssertionError(f"after {timeout_s:g} s still {value!r}")
        await asyncio.sleep(INTERVAL_S)


def wait_until(condition: Callable[[], T], timeout_s: float = TIMEOUT_S) -> T:
    """Do what `eventually` does, in a test without an event loop.

    Raises:
        AssertionError: it did not become true in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout_s:g} s still {value!r}")
        time.sleep(INTERVAL_S)
