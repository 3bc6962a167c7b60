"""Run services as a process: settings, metrics, logs, and what `process` does."""

import asyncio
import gc
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec

import structlog

from weir.config import MetricsSettings, Settings
from weir.errors import ConfigError, WeirError
from weir.log import configure_logging
from weir.metrics import HEARTBEAT_TIMESTAMP, serve_metrics
from weir.runtime.process import Main, run_process
from weir.tracing import configure_tracing

log = structlog.get_logger()

#: Often enough for whoever looks whether the loop still runs (`weir.healthcheck`).
HEARTBEAT_INTERVAL_S = 5.0

#: Objects that come and stay before the next search for cycles. What waits to be stored has none:
#: looking through it, at the interpreter's 700, was a quarter of the time that decoding took.
GARBAGE_THRESHOLD = 50_000


def run_service(name: str, settings: Settings, mains: Mapping[str, Main]) -> None:
    """Run `mains` until all return, or until SIGTERM or SIGINT has made them return.

    The first signal sets the event that each was given; a second one, or `STOP_TIMEOUT_S`,
    cancels them. The first that fails ends the others. Blocks; call it from the main thread.

    Raises:
        WeirError: what one of them gave up with; `ConfigError` also when the metrics port is taken.
    """
    configure_logging(settings.log.level, name)
    configure_tracing(settings.tracing, name)
    _serve_metrics(settings.metrics)
    collect_rarely()
    run_process(partial(_run_together, mains), loop_factory())


async def _run_together(mains: Mapping[str, Main], stop: asyncio.Event) -> None:
    beating = asyncio.create_task(_beat())
    try:
        async with asyncio.TaskGroup() as tasks:
            for name, main in mains.items():
                tasks.create_task(_run_one(name, main, stop))
    finally:
        beating.cancel()


async def _beat() -> None:
    while True:
        HEARTBEAT_TIMESTAMP.set_to_current_time()
        await asyncio.sleep(HEARTBEAT_INTERVAL_S)


async def _run_one(name: str, main: Main, stop: asyncio.Event) -> None:
    try:
        await main(stop)
    except (WeirError, BaseExceptionGroup):
        # The error says what is wrong, and not with whom.
        log.critical("service_failed", consumer=name)
        raise


def collect_rarely() -> None:
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


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Prefer uvloop, which does not exist for every platform."""
    if find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop
