"""How many bytes a reading costs on the wire, against JSON.

    python -m benchmarks.wire_size

Every byte counts on a cellular link. What is counted is the body of one publish, with boot id,
sequence and the device's clock; the topic is the same for both, and units were announced. The JSON
is what devices commonly send: a list of objects, each with an ISO 8601 time and a value.
"""

import json
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from weir.clock import to_us
from weir.codec.encode import BatchHeader, FieldReadings, Value, encode_measurements

COUNTS = (1, 10, 60, 100, 1_000)
SEED = 7
#: Any instant after 2001 takes as many bytes.
START = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
#: What a device has some hours after it was switched on.
HEADER = BatchHeader(boot_id=0x5EED_CAFE, sequence=5_000)
SECOND_US = 1_000_000


@dataclass(frozen=True)
class Signal:
    """A kind of sensor: a field, and how its values and distances in time come about."""

    title: str
    field: str
    values: Callable[[random.Random, int], Sequence[Value]]
    times: Callable[[random.Random, int], list[int]]

    def readings(self, count: int) -> FieldReadings:
        """Make `count` readings, the same at every call."""
        rng = random.Random(SEED)  # noqa: S311 - the same numbers in every run
        return FieldReadings(self.field, self.times(rng, count), self.values(rng, count))


def uniform(period_us: int) -> Callable[[random.Random, int], list[int]]:
    """Make times without jitter."""
    start_us = to_us(START)
    return lambda _, count: [start_us + index * period_us for index in range(count)]


def jittered_seconds(rng: random.Random, count: int) -> list[int]:
    """Make a poll every second that is some milliseconds late, as a loop on a small computer."""
    return [to_us(START) + index * SECOND_US + rng.randrange(12) * 1_000 for index in range(count)]


def counts(rng: random.Random, count: int) -> list[Value]:
    """Make integers of four digits without much relation to each other."""
    return [rng.randrange(10_000) for _ in range(count)]


def slow(rng: random.Random, count: int) -> list[Value]:
    """Make a temperature in hundredths of a degree that wanders by some hundredths a second."""
    hundredths = 2_150
    values: list[Value] = []
    for _ in range(count):
        hundredths += rng.randint(-4, 4)
        values.append(hundredths / 100)
    return values


def noise(rng: random.Random, count: int) -> list[Value]:
    """Make doubles whose every bit is noise."""
    return [rng.gauss(0.0, 1.0) for _ in range(count)]


def single_noise(rng: random.Random, count: int) -> list[Value]:
    """Make noise of a sensor that measures in single precision."""
    values = struct.pack(f"<{count}f", *(rng.gauss(0.0, 1.0) for _ in range(count)))
    return list(struct.unpack(f"<{count}f", values))


SLOW = Signal("decimals, slow, 1 Hz, jitter", "temperature", slow, jittered_seconds)
FLOATS = Signal("float32, 1 kHz", "acceleration", single_noise, uniform(1_000))
SIGNALS = (
    Signal("integers, 1 Hz", "count", counts, uniform(SECOND_US)),
    SLOW,
    FLOATS,
    Signal("doubles, noise, 1 Hz", "voltage", noise, uniform(SECOND_US)),
)


def protobuf_bytes(readings: FieldReadings) -> int:
    """Count the bytes of a batch as devices send it."""
    span_us = readings.observed_at_us[-1] - readings.observed_at_us[0]
    return len(encode_measurements(replace(HEADER, sent_after_us=span_us), [readings]))


def json_bytes(readings: FieldReadings) -> int:
    """Count the bytes of the same readings as compact JSON."""
    document = {
        "boot_id": HEADER.boot_id,
        "sequence": HEADER.sequence,
        "field": readings.name,
        "readings": [
            {"observed_at": _iso(instant_us), "value": value}
            for instant_us, value in zip(readings.observed_at_us, readings.values, strict=True)
        ],
    }
    return len(json.dumps(document, separators=(",", ":")))


def _iso(instant_us: int) -> str:
    instant = START + timedelta(microseconds=instant_us - to_us(START))
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    """Print bytes per reading for every signal and batch size."""
    table = Table("readings in a batch", title="Bytes per reading: protobuf (JSON)")
    for count in COUNTS:
        table.add_column(f"{count:,}", justify="right")
    for signal in SIGNALS:
        cells = []
        for count in COUNTS:
            readings = signal.readings(count)
            ours, plain = protobuf_bytes(readings) / count, json_bytes(readings) / count
            cells.append(f"{ours:.2f} ({plain:.0f})")
        table.add_row(signal.title, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
