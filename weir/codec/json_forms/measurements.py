"""Measurements in JSON: one instant of several fields, a list of readings, or columns."""

from abc import abstractmethod
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, FailFast, Field

from weir.codec.json_forms.form import BootId, Envelope, Form, parse_body, take_form
from weir.codec.json_forms.times import Time, Times
from weir.codec.json_forms.values import (
    FieldName,
    Unit,
    Value,
    Values,
    ValuesByField,
    column_kind,
    fill_values,
)
from weir.codec.measurement import MeasurementBatch, measurements_from
from weir.errors import DecodeError
from weir.model.limits import FIELD_COUNT_MAX, PERIOD_US_MAX, READING_COUNT_MAX, SEQUENCE_MAX
from weir.telemetry.v1 import measurement_pb2 as wire

Quality = Annotated[
    Literal["good", "uncertain", "bad"], Field(description="How far the values can be trusted.")
]
SequenceNumber = Annotated[
    int,
    Field(
        ge=0,
        le=SEQUENCE_MAX,
        description="Counts the messages of one boot, from 1, without holes; 0: not counted.",
    ),
]
_QUALITIES = {
    None: wire.QUALITY_UNSPECIFIED,
    "good": wire.QUALITY_GOOD,
    "uncertain": wire.QUALITY_UNCERTAIN,
    "bad": wire.QUALITY_BAD,
}


class Measurements(Envelope):
    """What the three forms of measurements share."""

    sequence: SequenceNumber = 0
    sent_at: Time | None = Field(
        default=None, description="The device's own clock when it sent this message."
    )
    correction: bool = Field(
        default=False, description="Overwrite what is stored for the same field and instant."
    )

    @abstractmethod
    def fill(self, batch: wire.Batch) -> None:
        """Put the readings into a batch."""


class Snapshot(Measurements):
    """Several fields that were read at one instant."""

    time: Time
    values: ValuesByField

    def fill(self, batch: wire.Batch) -> None:
        """Put the readings into a batch: columns of one value that share one instant."""
        batch.time_columns.add(start_us=self.time)
        for name, value in self.values.items():
            fill_values(batch.fields.add(name=name), [value])


class Reading(Form):
    """One value of one field."""

    time: Time
    field: FieldName
    value: Value
    unit: Unit = ""
    quality: Quality | None = None


class Readings(Measurements):
    """Readings in the order of measurement, of any fields."""

    readings: Annotated[list[Reading], FailFast()] = Field(
        min_length=1, max_length=READING_COUNT_MAX, description="The readings."
    )

    def fill(self, batch: wire.Batch) -> None:
        """Put the readings into a batch: a column for each field, in order of appearance."""
        columns: dict[tuple[object, ...], list[Reading]] = {}
        for reading in self.readings:
            key = (reading.field, reading.unit, reading.quality, column_kind(reading.value))
            columns.setdefault(key, []).append(reading)
        for index, readings in enumerate(columns.values()):
            batch.time_columns.append(_time_column([reading.time for reading in readings]))
            first = readings[0]
            field = batch.fields.add(
                name=first.field,
                unit=first.unit,
                quality=_QUALITIES[first.quality],
                time_column=index,
            )
            fill_values(field, [reading.value for reading in readings])


class Column(Form):
    """The readings of one field, with a time for each, or evenly spaced from a start."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["times"],
                    "properties": {
                        "times": {"type": "array"},
                        "start": {"type": "null"},
                        "period_us": {"type": "null"},
                    },
                },
                {
                    "required": ["start", "period_us"],
                    "properties": {
                        "times": {"type": "null"},
                        "start": {"type": ["string", "integer"]},
                        "period_us": {"type": "integer"},
                    },
                },
            ]
        }
    )

    name: FieldName
    values: Values
    times: Times | None = Field(default=None, description="One instant for each value, in order.")
    start: Time | None = Field(default=None, description="The instant of the first value.")
    period_us: int | None = Field(
        default=None,
        ge=1,
        le=PERIOD_US_MAX,
        description="Microseconds from each value to the next.",
    )
    unit: Unit = ""
    quality: Quality | None = None

    def time_column(self) -> wire.TimeColumn:
        """Give the instants as protobuf has them.

        Raises:
            DecodeError: not exactly one way of saying them, or another number than of values.
        """
        if self.times is not None and self.start is None and self.period_us is None:
            if len(self.times) != len(self.values):
                counts = f"{len(self.values)} values, {len(self.times)} times"
                raise DecodeError(f"{self.name}: {counts}")
            return _time_column(self.times)
        if self.times is None and self.start is not None and self.period_us is not None:
            return wire.TimeColumn(start_us=self.start, period_us=self.period_us)
        raise DecodeError(f'{self.name}: either "times", or "start" and "period_us"')


class Columns(Measurements):
    """Readings as columns: the smallest and fastest of the JSON forms."""

    fields: Annotated[list[Column], FailFast()] = Field(
        min_length=1,
        max_length=FIELD_COUNT_MAX,
        description="The fields; one may occur more than once.",
    )

    def fill(self, batch: wire.Batch) -> None:
        """Put the readings into a batch."""
        for index, column in enumerate(self.fields):
            batch.time_columns.append(column.time_column())
            field = batch.fields.add(
                name=column.name,
                unit=column.unit,
                quality=_QUALITIES[column.quality],
                time_column=index,
            )
            fill_values(field, column.values)


class _Header(Form):
    """Where a message stands among the device's messages, whatever else it says."""

    model_config = ConfigDict(extra="ignore")

    boot_id: BootId = 0
    sequence: SequenceNumber = 0


#: The key that tells which form a message has.
_FORMS: dict[str, type[Measurements]] = {
    "values": Snapshot,
    "readings": Readings,
    "fields": Columns,
}


def decode_measurements_json(body: bytes, serial: str, received_at_us: int) -> MeasurementBatch:
    """Decode measurements in JSON; gives and raises what `decode_measurements` does."""
    form = _take(parse_body(body))
    batch = wire.Batch(
        serial=form.serial,
        boot_id=form.boot_id,
        sequence=form.sequence,
        mode=wire.MODE_CORRECTION if form.correction else wire.MODE_UNSPECIFIED,
    )
    form.fill(batch)
    if form.sent_at is not None:
        batch.sent_after_us = form.sent_at - batch.time_columns[0].start_us
    return measurements_from(batch, serial, received_at_us)


def decode_header_json(body: bytes) -> tuple[int, int]:
    """Read boot id and sequence number of a message, without looking at its readings.

    Raises:
        DecodeError: not JSON, or another shape.
        OversizeError: too many bytes.
        ImplausibleReadingError: a number out of bounds.
    """
    header = take_form(_Header, parse_body(body))
    return header.boot_id, header.sequence


def _take(value: Any) -> Measurements:
    for key, form in _FORMS.items():
        if isinstance(value, dict) and key in value:
            return take_form(form, value)
    raise DecodeError('no JSON object with "values", "readings" or "fields"')


def _time_column(times_us: list[int]) -> wire.TimeColumn:
    deltas = [later - earlier for earlier, later in pairwise(times_us)]
    return wire.TimeColumn(start_us=times_us[0], tick_us=1, deltas=deltas)
