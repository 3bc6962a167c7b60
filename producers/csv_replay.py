"""Replay a CSV file as a device: announce its fields, publish its rows at their pace or at once.

Times are kept, or shifted as a whole. Sent twice with the same times, a file is stored once.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from producers.csv_file import CsvFile, Row
from producers.csv_lines import Problem
from producers.device import Device, Identity
from weir import __version__
from weir.clock import Clock, SystemClock, to_us
from weir.codec.encode import FieldReadings
from weir.errors import ConfigError, ImplausibleReadingError
from weir.model.announcement import Announcement
from weir.model.limits import BOOT_ID_MAX, FUTURE_US_MAX, OBSERVED_AT_US_MIN
from weir.mqtt.address import MqttAddress
from weir.runtime.publisher import DevicePublisher

#: Rows in one batch: 500 are some kilobytes a field.
BATCH_ROWS = 500
#: Rows that are due within so long of each other share a batch.
PACE_S = 0.5
#: How long a broker may acknowledge nothing before we give up.
PATIENCE_S = 30.0
#: Problems that an account quotes; further ones are only counted.
QUOTED_COUNT_MAX = 20
#: Why a value is not sent, beside the reasons of `Problem`.
MISSING = "missing"
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, and with which times, rows are sent.

    Attributes:
        speed: the file's time against ours; `None`: as fast as the broker takes them.
        starts_at_us: the new time of the first row, microseconds since 1970-01-01 UTC.
        ends_at_us: the new time of the latest row; not both. Reads the file twice.
        batch_rows: at most so many rows in a batch.
        is_strict: give up at the first problem, instead of leaving out the row or the value.
    """

    speed: float | None = None
    starts_at_us: int | None = None
    ends_at_us: int | None = None
    batch_rows: int = BATCH_ROWS
    is_strict: bool = False


@dataclass(slots=True)
class Account:
    """What became of a file: every row, and every value of a row that was sent, is counted once.

    `quoted` are the first problems, in the order of their lines.
    """

    rows_read: int = 0
    rows_skipped: Counter[str] = field(default_factory=Counter)
    readings_sent: int = 0
    readings_skipped: Counter[str] = field(default_factory=Counter)
    batches_sent: int = 0
    seconds: float = 0.0
    quoted: list[Problem] = field(default_factory=list)

    @property
    def readings_per_s(self) -> float:
        """Readings sent in each second."""
        return self.readings_sent / self.seconds if self.seconds else 0.0


async def replay_csv(
    file: CsvFile,
    address: MqttAddress,
    pace: Pace,
    model: str = "csv-replay",
    on_progress: Callable[[Account], object] = lambda _: None,
) -> Account:
    """Send a file as the device whose address is given; returns when all of it is acknowledged.

    Args:
        file: what to send.
        address: the broker, and the device.
        pace: how fast, and with which times.
        model: what the device announces itself as.
        on_progress: called after each batch; `file.read_bytes` tells how far it is.

    Raises:
        ConfigError: the broker refuses us, or no row has a time to shift the others by.
        ImplausibleReadingError: strict, and there is a problem.
        BrokerUnavailableError: the broker acknowledges nothing any more.
    """
    clock = SystemClock()
    loop = asyncio.get_running_loop()
    async with DevicePublisher(address, patience_s=PATIENCE_S) as publisher:
        identity = Identity(address.client_id, random.SystemRandom().randint(1, BOOT_ID_MAX))
        device = Device(identity, publisher, clock)
        replay = _Replay(file, device, pace, clock)
        started_s = loop.time()
        await device.announce(Announcement(identity.serial, model, __version__, file.fields))
        async for account in replay.batches():
            account.seconds = loop.time() - started_s
            on_progress(account)
        await publisher.flush()
        replay.account.seconds = loop.time() - started_s
        return replay.account


class _Replay:
    """One run through a file."""

    def __init__(self, file: CsvFile, device: Device, pace: Pace, clock: Clock) -> None:
        self.account = Account()
        self._file = file
        self._device = device
        self._pace = pace
        self._clock = clock
        self._first_us: int | None = None

    async def batches(self) -> AsyncIterator[Account]:
        """Send the file, each batch when its last row is due, and give the account after each."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        for rows in self._batched(self._usable_rows()):
            await asyncio.sleep(max(0.0, started_s + self._due_s(rows[-1]) - loop.time()))
            self.account.readings_sent += await self._device.send(self._columns(rows))
            self.account.batches_sent = self._device.batch_count
            yield self.account

    def _batched(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        batch: list[Row] = []
        for row in rows:
            if self._first_us is None:
                self._first_us = row.observed_at_us
            is_full = len(batch) >= self._pace.batch_rows
            if batch and (is_full or self._due_s(row) > self._due_s(batch[0]) + PACE_S):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _due_s(self, row: Row) -> float:
        """Tell how long after the start a row is due."""
        if self._pace.speed is None or self._first_us is None:
            return 0.0
        return (row.observed_at_us - self._first_us) / _SECOND_US / self._pace.speed

    def _usable_rows(self) -> Iterator[Row]:
        """Give the rows that can be sent, with their new times; count and report the others."""
        shift_us = self._shift_us()
        for item in self._file.rows():
            self.account.rows_read += 1
            if isinstance(item, Problem):
                self._note(item, self.account.rows_skipped)
                continue
            item.observed_at_us += shift_us
            problem = self._implausible(item)
            if problem is not None:
                self._note(problem, self.account.rows_skipped)
                continue
            for problem in item.problems:
                self._note(problem, self.account.readings_skipped)
            missing_count = item.values.count(None) - len(item.problems)
            if missing_count:
                self.account.readings_skipped[MISSING] += missing_count
            yield item

    def _shift_us(self) -> int:
        pace = self._pace
        if pace.starts_at_us is None and pace.ends_at_us is None:
            return 0
        times = (row.observed_at_us for row in self._file.rows() if isinstance(row, Row))
        try:
            if pace.starts_at_us is not None:
                return pace.starts_at_us - next(times)
            return (pace.ends_at_us or 0) - max(times)
        except (StopIteration, ValueError) as error:
            raise ConfigError(f"{self._file.path}: no row has a time") from error

    def _implausible(self, row: Row) -> Problem | None:
        if row.observed_at_us < OBSERVED_AT_US_MIN:
            return Problem(row.line, "a time before 2000", "no consumer accepts it")
        if row.observed_at_us > to_us(self._clock.now()) + FUTURE_US_MAX:
            return Problem(row.line, "a time over a day ahead", "no consumer accepts it")
        return None

    def _note(self, problem: Problem, counter: Counter[str]) -> None:
        if self._pace.is_strict:
            raise ImplausibleReadingError(f"{self._file.path}, {problem}")
        counter[problem.reason] += 1
        if len(self.account.quoted) < QUOTED_COUNT_MAX:
            self.account.quoted.append(problem)

    def _columns(self, rows: Sequence[Row]) -> list[FieldReadings]:
        columns = []
        for index, description in enumerate(self._file.fields):
            present = [row for row in rows if row.values[index] is not None]
            if present:
                times = [row.observed_at_us for row in present]
                values = [value for row in rows if (value := row.values[index]) is not None]
                columns.append(FieldReadings(description.name, times, values))
        return columns
