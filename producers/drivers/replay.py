"""Replay a recorded file, CSV or Parquet, as if a device measured it now.

The first row is at the first poll's start; the others follow at the file's own pace, times `speed`.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints

from producers.csv_lines import MISSING, CsvLines
from producers.drivers._answers import load
from producers.import_file import ImportFile, ImportReading, Lines
from producers.import_layout import TIME, ImportOptions, lay_out
from weir.codec.encode import FieldReadings, Value
from weir.codec.json_text import compact_json
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import ConfigError, DecodeError
from weir.model.announcement import FieldDescription
from weir.model.device_event import DeviceEvent
from weir.model.limits import FIELD_COUNT_MAX, READING_COUNT_MAX

SPEED_MAX = 1e6
#: Device events of one poll about rows that cannot be used; the last tells how many more there are.
SKIPPED_EVENT_COUNT_MAX = 20
_TEXT_LENGTH_MAX = 1_024
_SECOND_US = 1_000_000
_PARQUET = {".parquet", ".pq"}

_Text = Annotated[str, StringConstraints(min_length=1, max_length=_TEXT_LENGTH_MAX)]


class ReplayConfiguration(DriverConfiguration):
    """Which file, what its columns are, and how fast."""

    path: _Text = Field(description="the file; .parquet and .pq are Parquet, others CSV")
    time_column: _Text | None = Field(
        None, description="the times; absent: time, observed_at or timestamp"
    )
    time_format: _Text | None = Field(
        None, description="as strptime takes it; absent: ISO 8601, or a number since 1970"
    )
    zone: _Text = Field("UTC", description="of times that name none, such as Europe/Berlin")
    columns: tuple[_Text, ...] = Field(
        (), max_length=FIELD_COUNT_MAX, description="columns to send; none: all"
    )
    texts: tuple[_Text, ...] = Field(
        (), max_length=FIELD_COUNT_MAX, description="fields whose values are texts"
    )
    missing: tuple[str, ...] = Field(
        (), max_length=FIELD_COUNT_MAX, description="what else stands for no value"
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="between cells of CSV")
    decimal_mark: str = Field(".", min_length=1, max_length=1, description="in numbers of CSV")
    serial: _Text | None = Field(
        None, description="whose rows, where the file has a column serial; absent: all"
    )
    speed: float = Field(1.0, gt=0, le=SPEED_MAX, description="times faster than the file")
    at_end: Literal["stop", "repeat"] = Field("stop", description="be silent, or start anew")


@dataclass(frozen=True, slots=True)
class _Due:
    """A row of the file with its time in the replay."""

    time_us: int
    line: int
    readings: list[ImportReading]
    problems: list[str]


class Replay(Driver[ReplayConfiguration]):
    """A recording that is played.

    Raises:
        ConfigError: no such file, or columns that are not there.
    """

    name = "replay"
    model = "replay-1"
    configuration_class = ReplayConfiguration

    def __init__(self, configuration: ReplayConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        lines = _open(configuration)
        options = _options(configuration, lines)
        self._file = ImportFile(lines, options)
        self._fields = {
            column.field: FieldDescription(column.field, column.unit, column.field)
            for column in lay_out(lines.path, lines.header, options).wide
        }
        self._playing: Iterator[_Due] | None = None
        self._next: _Due | None = None

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """The columns; where each row names its field, those that were played until now."""
        return tuple(self._fields.values())

    async def read(self, poll: Poll) -> Polled:
        """Give the rows that are due in a poll; what cannot be used is told in device events.

        Raises:
            DecodeError: more rows than a device may send at once, or the file is broken.
        """
        try:
            if self._playing is None:
                self._playing = self._play(poll.start_us)
                self._next = next(self._playing, None)
            due = list(self._due(poll, self._playing))
        except ConfigError as error:
            raise DecodeError(str(error)) from error
        columns: dict[str, dict[int, Value]] = {}
        problems: list[str] = []
        for row in due:
            problems += (f"line {row.line}: {problem}" for problem in row.problems)
            if row.readings and row.time_us < poll.start_us:
                problems.append(f"line {row.line}: older than the lines before it")
                continue
            for reading in row.readings:
                self._learn(reading)
                # As everywhere: of two values at one instant the first stays.
                columns.setdefault(reading.field, {}).setdefault(row.time_us, reading.value)
        readings = [_in_order(name, column) for name, column in columns.items()]
        events = _skipped(problems, poll.end_us)
        if due and self._next is None:
            events.append(DeviceEvent(poll.end_us, "replay_ended"))
        return Polled(readings, events)

    def _due(self, poll: Poll, playing: Iterator[_Due]) -> Iterator[_Due]:
        count = 0
        while self._next is not None and self._next.time_us < poll.end_us:
            row, self._next = self._next, next(playing, None)
            count += len(row.readings)
            if count <= READING_COUNT_MAX:
                yield row
        if count > READING_COUNT_MAX:
            raise DecodeError(
                f"{count} readings of {self._file.lines.path} are due at once, over "
                f"{READING_COUNT_MAX}: lower `speed`, or poll more often"
            )

    def _play(self, started_us: int) -> Iterator[_Due]:
        """Give all rows with their times, as often as wanted."""
        configuration = self.configuration
        while True:
            first_us, last_us, step_us = None, started_us, _SECOND_US
            for row in self._file.rows():
                readings = [
                    reading
                    for reading in row.readings
                    if configuration.serial in {None, reading.serial}
                ]
                problems = [
                    f"{refusal.column or 'row'}: {refusal.reason}" for refusal in row.refusals
                ]
                if readings and first_us is None:
                    first_us = readings[0].observed_at_us
                time_us = last_us
                if readings and first_us is not None:
                    ahead_us = (readings[0].observed_at_us - first_us) / configuration.speed
                    time_us = started_us + round(ahead_us)
                if time_us > last_us:
                    step_us, last_us = time_us - last_us, time_us
                if readings or problems:
                    yield _Due(time_us, row.number, readings, problems)
            if configuration.at_end == "stop" or first_us is None:
                return
            # As far behind the last row as that is behind the one before.
            started_us = last_us + max(step_us, 1)

    def _learn(self, reading: ImportReading) -> None:
        if reading.field not in self._fields:
            description = FieldDescription(reading.field, reading.unit, reading.field)
            self._fields[reading.field] = description


def _open(configuration: ReplayConfiguration) -> Lines:
    path = Path(configuration.path)
    if path.suffix.lower() not in _PARQUET:
        return CsvLines(path, configuration.delimiter)
    load("replay", "pyarrow", "files")
    from producers.parquet_lines import ParquetLines

    return ParquetLines(path)


def _options(configuration: ReplayConfiguration, lines: Lines) -> ImportOptions:
    time_column = configuration.time_column
    has_serials = "serial" in lines.header
    return ImportOptions(
        # Whose rows they are does not matter where no column tells it.
        serial=None if has_serials else "replay",
        columns={} if time_column is None else {TIME: time_column},
        only=configuration.columns,
        texts=frozenset(configuration.texts),
        zone=_zone(configuration.zone),
        time_format=configuration.time_format,
        missing=MISSING | {text.lower() for text in configuration.missing},
        decimal_mark=configuration.decimal_mark,
    )


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        # Small systems have no data of time zones.
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"no time zone {name!r}: is tzdata installed?") from error


def _in_order(name: str, column: dict[int, Value]) -> FieldReadings:
    times = sorted(column)
    return FieldReadings(name, times, [column[time_us] for time_us in times])


def _skipped(problems: list[str], at_us: int) -> list[DeviceEvent]:
    events = [
        DeviceEvent(at_us, "row_skipped", compact_json({"reason": problem}))
        for problem in problems[:SKIPPED_EVENT_COUNT_MAX]
    ]
    if len(problems) > SKIPPED_EVENT_COUNT_MAX:
        more = {"count": len(problems) - SKIPPED_EVENT_COUNT_MAX}
        events.append(DeviceEvent(at_us, "rows_skipped", compact_json(more)))
    return events
