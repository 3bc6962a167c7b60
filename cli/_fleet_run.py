"""Runs a fleet of `iotctl simulate`: a live line on a terminal, an account in the end."""

import asyncio
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cli._fleet_broker import FleetBroker, own_connections, shared_connections
from cli._output import print_note
from producers.fleet.account import AccountBook, Totals
from producers.fleet.plan import FleetPlan
from producers.fleet.sending import BEHIND_S_MAX, Fleet, Span, run_fleet
from weir.clock import SystemClock, to_us
from weir.errors import BrokerUnavailableError, ConfigError

BOOT_ID_MAX = 2**32 - 1
_SECOND_US = 1_000_000
_LINE_INTERVAL_S = 1.0
_PARTIAL_SUFFIX = ".part"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a fleet; `connections` 0: one for each device."""

    plan: FleetPlan
    connections: int
    duration_s: float
    account: Path | None


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of it; `failure`: what the broker has not acknowledged, and why."""

    totals: Totals
    seconds: float
    failure: BrokerUnavailableError | None


def new_boot_id() -> int:
    """Give a boot id that no earlier run has had."""
    return random.SystemRandom().randint(1, BOOT_ID_MAX)


async def run(broker: FleetBroker, wanted: Run) -> Ran:
    """Run a fleet to its end, or until Ctrl-C; its account is whole when this returns.

    Raises:
        ConfigError: the broker refuses, or the account cannot be written.
        BrokerUnavailableError: the management API does not answer.
    """
    plan, clock, loop = wanted.plan, SystemClock(), asyncio.get_running_loop()
    connections = (
        shared_connections(broker, plan.prefix, wanted.connections)
        if wanted.connections
        else own_connections(broker, [plan.serial(index) for index in range(plan.devices)])
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with connections as addresses:
        # On whole seconds, so that times are easy to read.
        start_us = -(-to_us(clock.now()) // _SECOND_US) * _SECOND_US + _SECOND_US
        end_us = start_us + round(wanted.duration_s * _SECOND_US)
        with _account_file(wanted.account) as file:
            book = AccountBook(plan, start_us, file)
            fleet = Fleet(plan, addresses, clock, book, Span(start_us, end_us))
            started_s = loop.time()
            line = asyncio.create_task(_live_line(book, fleet))
            try:
                failure = await run_fleet(fleet, stop)
            finally:
                line.cancel()
                await asyncio.gather(line, return_exceptions=True)
                book.close()
            return Ran(book.totals, loop.time() - started_s, failure)


@contextmanager
def _account_file(path: Path | None) -> Iterator[BinaryIO | None]:
    """Write beside the path; what is there under its name is whole."""
    if path is None:
        yield None
        return
    draft = path.with_name(path.name + _PARTIAL_SUFFIX)
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{draft}: {error.strerror or error}") from error


async def _live_line(book: AccountBook, fleet: Fleet) -> None:
    if not sys.stderr.isatty():
        return
    say = _rates(lambda: book.totals)
    while True:
        await asyncio.sleep(_LINE_INTERVAL_S)
        behind_s = fleet.progress.behind_s
        behind = f"  {behind_s:.1f} s behind" if behind_s > BEHIND_S_MAX else ""
        sys.stderr.write(f"\r\x1b[K{say()}{behind}")
        sys.stderr.flush()


def _rates(totals: Callable[[], Totals]) -> Callable[[], str]:
    before_count, before_s = 0, time.monotonic()

    def say() -> str:
        nonlocal before_count, before_s
        now, now_s = totals(), time.monotonic()
        rate = (now.readings_acknowledged - before_count) / (now_s - before_s)
        before_count, before_s = now.readings_acknowledged, now_s
        faults = "".join(f"  {name} {count:,}" for name, count in now.faults.items() if count)
        garbage = f"  garbage {now.garbage_sent:,}" if now.garbage_sent else ""
        return (
            f"sent {now.readings_sent:,}  acknowledged {now.readings_acknowledged:,}  "
            f"{rate:,.0f}/s{faults}{garbage}"
        )

    return say


def end_live_line() -> None:
    """Leave the live line as it was last."""
    if sys.stderr.isatty():
        print_note("")
