"""Pick of a message what a listener wants, in pieces of a bounded size."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gateway.live.window import Message
from gateway.times import format_instant
from weir.clock import from_us
from weir.codec.measurement import MeasurementBatch
from weir.codec.telemetry import decode_telemetry
from weir.errors import InvalidMessageError
from weir.model.quality import doubt

#: Readings in one event: some 50 KiB of numbers, at most 2 MiB of texts.
EVENT_READINGS_MAX = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listener wants: some fields (empty: all) of devices, with the units that they have.

    `units`: by serial and field; a message may bring a unit of its own.
    """

    serials: frozenset[str]
    fields: frozenset[str]
    units: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Piece:
    """The data of one event; `reading_count`: how many readings of the message are behind it.

    `is_last`: nothing of the message is left.
    """

    data: dict[str, Any]
    reading_count: int
    is_last: bool


def pieces_of(message: Message, wanted: Wanted, given_count: int) -> Iterator[Piece]:
    """Give what is wanted of a message behind its first `given_count` readings.

    A message that is no measurement, or was rejected, gives nothing.
    """
    try:
        batch = decode_telemetry(message.kind, message.body, message.serial, message.received_at_us)
    except InvalidMessageError:
        return
    if not isinstance(batch, MeasurementBatch):
        return
    readings = _readings(batch, wanted, given_count)
    head = {
        "serial": batch.serial,
        "received_at": format_instant(from_us(batch.received_at_us)),
        "is_correction": batch.is_correction,
    }
    piece = list(islice(readings, EVENT_READINGS_MAX))
    while piece:
        following = list(islice(readings, EVENT_READINGS_MAX))
        data = {**head, "readings": [reading for _, reading in piece]}
        yield Piece(data, piece[-1][0] + 1, is_last=not following)
        piece = following


def _readings(
    batch: MeasurementBatch, wanted: Wanted, given_count: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give readings with their place in the message, which does not depend on what is wanted."""
    first = 0
    for column in batch.columns:
        texts = column.texts
        count = len(column.observed_at_us)
        if not wanted.fields or column.name in wanted.fields:
            unit = column.unit or wanted.units.get((batch.serial, column.name), "")
            doubted = doubt(column.quality)
            quality = {} if doubted is None else {"quality": doubted.word}
            for index in range(max(0, given_count - first), count):
                reading = {
                    "field": column.name,
                    "observed_at": format_instant(from_us(int(column.observed_at_us[index]))),
                    "value": texts[index] if texts else float(column.numbers[index]),
                    "unit": unit,
                    **quality,
                }
                yield first + index, reading
        first += count
