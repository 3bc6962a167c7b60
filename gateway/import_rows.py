"""Rows of readings that somebody sends to be stored: checked one by one, then put into messages."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.parameters import FieldName, Serial
from gateway.times import format_instant
from weir.clock import to_us
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.codec.packing import pack
from weir.model.limits import (
    FUTURE_MAX,
    INTEGER_MAGNITUDE_MAX,
    OBSERVED_AT_MIN,
    TEXT_LENGTH_MAX,
    UNIT_LENGTH_MAX,
)
from weir.model.names import device_key
from weir.ports import KeptMessage

Value = bool | int | float | str


def _in_utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


class ReadingRow(BaseModel):
    """One reading; a time without an offset is UTC; other members are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    serial: Serial
    field: FieldName
    observed_at: Annotated[datetime, AfterValidator(_in_utc)]
    value: Value = Field(union_mode="left_to_right")
    unit: Annotated[str, Field(max_length=UNIT_LENGTH_MAX)] = ""


class RefusedRow(BaseModel):
    """A row that was not taken."""

    row: int = Field(description="the line of the body, from 1")
    column: str = Field(description="what of it is wrong; empty: all of it")
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row that may be stored, and the line that it came on."""

    row: int
    reading: ReadingRow


_ROW = TypeAdapter(ReadingRow)


def read_lines(body: bytes, now: datetime) -> tuple[list[Accepted], list[RefusedRow]]:
    """Read newline-delimited JSON; empty lines count, but are nothing."""
    accepted, refused = [], []
    for number, line in enumerate(body.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            reading = _ROW.validate_json(line)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            column = str(detail["loc"][0]) if detail["loc"] else ""
            refused.append(RefusedRow(row=number, column=column, reason=detail["msg"]))
            continue
        wrong = _implausible(reading, now)
        if wrong is None:
            accepted.append(Accepted(number, reading))
        else:
            refused.append(RefusedRow(row=number, column=wrong[0], reason=wrong[1]))
    return accepted, refused


def messages_of(readings: Iterable[ReadingRow]) -> Iterator[KeptMessage]:
    """Put readings into messages of their devices, by series and time.

    They have no sequence numbers: nobody misses a batch of an import.
    """
    by_device: dict[str, dict[tuple[str, str, bool], list[ReadingRow]]] = {}
    for reading in readings:
        series = by_device.setdefault(reading.serial, defaultdict(list))
        # Numbers and texts of one field are columns of their own.
        series[reading.field, reading.unit, isinstance(reading.value, str)].append(reading)
    for serial, series in by_device.items():
        columns = [_column(field, unit, rows) for (field, unit, _), rows in series.items()]
        for body, _ in pack(columns, _encode):
            yield KeptMessage(device_key(serial, "measurements"), {}, body)


def _implausible(reading: ReadingRow, now: datetime) -> tuple[str, str] | None:
    """Say which column breaks a rule of the model, and which rule, as a decoder would."""
    if reading.observed_at < OBSERVED_AT_MIN:
        return "observed_at", f"before {format_instant(OBSERVED_AT_MIN)}"
    if reading.observed_at > now + FUTURE_MAX:
        return "observed_at", "over a day ahead of now"
    reason = _implausible_value(reading.value)
    return None if reason is None else ("value", reason)


def _implausible_value(value: Value) -> str | None:
    match value:
        case str() if len(value) > TEXT_LENGTH_MAX:
            return f"a text of {len(value)} characters, at most {TEXT_LENGTH_MAX}"
        case str() if "\0" in value:
            return "a text with U+0000"
        case int() if abs(value) > INTEGER_MAGNITUDE_MAX:
            return "an integer beyond 2^53, which doubles round"
        case float() if not isfinite(value):
            return "not a finite number"
    return None


def _column(field: str, unit: str, rows: list[ReadingRow]) -> FieldReadings:
    rows.sort(key=lambda row: row.observed_at)
    times = [to_us(row.observed_at) for row in rows]
    return FieldReadings(field, times, [row.value for row in rows], unit)


def _encode(fields: Sequence[FieldReadings]) -> bytes:
    return encode_measurements(BatchHeader(), fields)
