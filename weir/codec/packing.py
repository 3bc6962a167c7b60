"""Split readings into batches that a message may carry: fields, readings and bytes are bounded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from weir.codec.encode import FieldReadings
from weir.errors import OversizeError
from weir.model.limits import FIELD_COUNT_MAX, MESSAGE_BYTES_MAX, READING_COUNT_MAX

Encode = Callable[[Sequence[FieldReadings]], bytes]


def pack(fields: Sequence[FieldReadings], encode: Encode) -> Iterator[tuple[bytes, int]]:
    """Give bodies in order, each with its number of readings; as few as halving finds.

    `encode` is called for each body when it is wanted, so it may number them.

    Raises:
        OversizeError: one reading is too large by itself.
    """
    waiting = [list(fields)] if fields else []
    while waiting:
        part = waiting.pop()
        count = sum(len(readings.values) for readings in part)
        body = b"" if count > READING_COUNT_MAX else encode(part)
        if not body or len(part) > FIELD_COUNT_MAX or len(body) > MESSAGE_BYTES_MAX:
            waiting.extend(reversed(_halves(part)))
            continue
        yield body, count


def _halves(fields: list[FieldReadings]) -> list[list[FieldReadings]]:
    if len(fields) > 1:
        middle = len(fields) // 2
        return [fields[:middle], fields[middle:]]
    (readings,) = fields
    middle = len(readings.values) // 2
    if middle == 0:
        raise OversizeError(f"one reading of {readings.name} is over {MESSAGE_BYTES_MAX} bytes")
    times, values = readings.observed_at_us, readings.values
    return [
        [replace(readings, observed_at_us=times[:middle], values=values[:middle])],
        [replace(readings, observed_at_us=times[middle:], values=values[middle:])],
    ]
