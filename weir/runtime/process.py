"""Run an asynchronous main as a process: event loop, signals, an orderly end."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog

from weir.errors import WeirError

log = structlog.get_logger()

#: From the first signal until what is left is cancelled. Whoever supervises us kills us later.
STOP_TIMEOUT_S = 8.0

#: Runs until the event is set, then comes to an end by itself.
Main = Callable[[asyncio.Event], Awaitable[None]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def run_process(main: Main, loop_factory: LoopFactory | None = None) -> None:
    """Run `main` until it returns, or until SIGTERM or SIGINT has made it return.

    The first signal sets the event that `main` was given; a second one, or `STOP_TIMEOUT_S`,
    cancels it. Blocks; call it from the main thread.

    Raises:
        WeirError: what `main` gave up with.
    """
    failure: WeirError | None = None
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_run(main))
    except* WeirError as group:
        failure = _first(group)
    if failure:
        raise failure
    log.info("service_stopped")


async def _run(main: Main) -> None:
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, number, stop, task)
    log.info("service_started")
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    done, _ = await asyncio.wait([task], timeout=STOP_TIMEOUT_S if stop.is_set() else None)
    if not done:
        log.warning("service_stop_forced", reason=f"still running after {STOP_TIMEOUT_S:g} s")
        task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


def _stop(number: signal.Signals, stop: asyncio.Event, task: "asyncio.Future[None]") -> None:
    if stop.is_set():
        task.cancel()
        return
    log.info("service_stop_requested", reason=number.name)
    stop.set()


def _first(group: BaseExceptionGroup[WeirError]) -> WeirError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
