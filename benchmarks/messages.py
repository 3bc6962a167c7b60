"""Messages to measure with: encoded before the clock starts."""

import random
import struct
from collections.abc import Iterator

from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements

#: 1 ms between readings, as an accelerometer at 1 kHz.
PERIOD_US = 1_000
SEED = 7
SECOND_US = 1_000_000
YEAR_US = 365 * 86_400 * SECOND_US


def batches(
    count: int, *, reading_count: int, device_count: int, start_us: int
) -> Iterator[tuple[str, bytes]]:
    """Give (serial, body) of `count` batches of single-precision readings, devices in turn.

    No reading has the time of another of its device.
    """
    rng = random.Random(SEED)  # noqa: S311 - the same numbers in every run
    noise = struct.unpack(f"<{reading_count}f", _floats(rng, reading_count))
    for index in range(count):
        device, sequence = index % device_count, index // device_count
        first_us = start_us + sequence * reading_count * PERIOD_US
        times = range(first_us, first_us + reading_count * PERIOD_US, PERIOD_US)
        header = BatchHeader(boot_id=1, sequence=sequence + 1)
        body = encode_measurements(header, [FieldReadings("acceleration", times, noise)])
        yield f"dev-{device:06d}", body


def live_batches(
    count: int, *, reading_count: int, device_count: int, start_us: int, is_late: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Give (serial, body) of `count` batches, each a second of one device that follows the last.

    With `is_late` one reading of each is of any instant of the year before.
    """
    rng = random.Random(SEED)  # noqa: S311 - the same numbers in every run
    noise = struct.unpack(f"<{reading_count}f", _floats(rng, reading_count))
    period_us = SECOND_US // reading_count
    for index in range(count):
        device, sequence = index % device_count, index // device_count
        first_us = start_us + sequence * SECOND_US
        times = list(range(first_us, first_us + reading_count * period_us, period_us))
        fields = [FieldReadings("power", times, noise)]
        if is_late:
            late_us = start_us - rng.randrange(YEAR_US)
            fields = [
                FieldReadings("power", times[1:], noise[1:]),
                FieldReadings("power", [late_us], noise[:1]),
            ]
        header = BatchHeader(boot_id=1, sequence=sequence + 1)
        yield f"dev-{device:06d}", encode_measurements(header, fields)


def polls(
    count: int, *, field_count: int, device_count: int, start_us: int
) -> Iterator[tuple[str, bytes]]:
    """Give (serial, body) of `count` polls: one reading of each field, all of one instant."""
    rng = random.Random(SEED)  # noqa: S311 - the same numbers in every run
    for index in range(count):
        device, sequence = index % device_count, index // device_count
        at_us = start_us + sequence * PERIOD_US
        fields = [
            FieldReadings(f"meter/{number}", [at_us], [rng.randrange(10_000) / 10])
            for number in range(field_count)
        ]
        header = BatchHeader(boot_id=1, sequence=sequence + 1)
        yield f"house-{device:06d}", encode_measurements(header, fields)


def _floats(rng: random.Random, count: int) -> bytes:
    return struct.pack(f"<{count}f", *(rng.gauss(0.0, 1.0) for _ in range(count)))


def as_stored(serial: str, body: bytes) -> bytes:
    """Spell a message as the broker stores an MQTT publish: AMQP 1.0 with its routing key."""
    key = f"sensor.{serial}.measurements".encode()
    pairs = b"\xa3\x0dx-routing-key" + _string(key) + b"\xa3\x0ax-exchange" + _string(b"iot")
    annotations = b"\x00\x53\x72\xc1" + bytes([len(pairs) + 1, 4]) + pairs
    return annotations + b"\x00\x53\x75\xb0" + len(body).to_bytes(4, "big") + body


def _string(text: bytes) -> bytes:
    return b"\xa1" + bytes([len(text)]) + text
