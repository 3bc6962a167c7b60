"""Run one service as a process: event loop, signals, metrics, logs, an orderly end."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from importlib.util import find_spec

import structlog

from weir.config import MetricsSettings, Settings
from weir.errors import ConfigError, WeirError
from weir.log import configure_logging
from weir.metrics import serve_metrics

log = structlog.get_logger()

#: From the first signal until what is left is cancelled. Whoever supervises us kills us later.
STOP_TIMEOUT_S = 8.0

#: Objects that come and stay before the next search for cycles. What waits to be stored has none:
#: looking through it, at the interpreter's 700, was a quarter of the time that decoding took.
GARBAGE_THRESHOLD = 50_000

#: Runs until the event is set, then comes to an end by itself.
Main = Callable[[asyncio.Event], Awaitable[None]]


def run_service(name: str, settings: Settings, main: Main) -> None:
    """Run `main` until it returns, or until SIGTERM or SIGINT has made it return.

    The first signal sets the event that `main` was given; a second one, or `STOP_TIMEOUT_S`,
    cancels it. Blocks; call it from the main thread.

    Raises:
        WeirError: what `main` gave up with; `ConfigError` also when the metrics port is taken.
    """
    configure_logging(settings.log.level, name)
    _serve_metrics(settings.metrics)
    _collect_rarely()
    failure: WeirError | None = None
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
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


def _collect_rarely() -> None:
    """Spare the garbage collector what was imported, and most of its work on the rest."""
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def _serve_metrics(settings: MetricsSettings) -> None:
    if settings.port is None:
        return
    try:
        serve_metrics(settings.host, settings.port)
    except OSError as error:
        raise ConfigError(
            f"metrics cannot be served on WEIR_METRICS_HOST {settings.host}, "
            f"WEIR_METRICS_PORT {settings.port}: {error.strerror or error}"
        ) from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Prefer uvloop, which does not exist for every platform."""
    if find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def _first(group: BaseExceptionGroup[WeirError]) -> WeirError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
