"""What each device of a fleet is going to send: times, values, faults. Pure; a seed repeats it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from producers.fleet.faults import Fault, FaultShares
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.errors import ConfigError
from weir.model.announcement import Announcement, FieldDescription
from weir.model.limits import READING_COUNT_MAX
from weir.model.serial import is_serial

FIELD = "signal"
DEVICE_COUNT_MAX = 100_000
RATE_HZ_MAX = 25_000.0
RATE_HZ_MIN = 0.001
#: Readings that are taken within it share a message.
MESSAGE_S = 1.0
#: How long after it was due a late message is sent.
LATE_S_MIN, LATE_S_MAX = 1.0, 30.0
#: How long after the first the second of two equal messages is sent.
AGAIN_S_MAX = 2.0
GARBAGE_BYTES_MIN, GARBAGE_BYTES_MAX = 24, 256
#: Wire type 7 does not exist in protobuf ("Encoding", Message Structure): nothing decodes this.
_NO_PROTOBUF = b"\x07"
_SECOND_US = 1_000_000
#: Values are whole hundredths, so that they are the same as text and as double.
_HUNDREDTHS = 100


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """A fleet; `boot_id` is its own in each run, since sequence numbers begin again.

    Attributes:
        late_s_max: how long after it was due a late message is sent, at most.

    Raises:
        ConfigError: a number out of range.
    """

    devices: int
    rate_hz: float
    seed: int
    prefix: str
    boot_id: int
    faults: FaultShares
    late_s_max: float = LATE_S_MAX

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= self.devices <= DEVICE_COUNT_MAX:
            problems.append(f"--devices {self.devices}: from 1 to {DEVICE_COUNT_MAX}")
        if not RATE_HZ_MIN <= self.rate_hz <= RATE_HZ_MAX:
            problems.append(f"--rate {self.rate_hz:g}: from {RATE_HZ_MIN:g} to {RATE_HZ_MAX:g} Hz")
        if not is_serial(self.serial(self.devices - 1)):
            problems.append(f"--prefix {self.prefix!r}: it must begin a serial")
        if problems:
            raise ConfigError(*problems)

    @property
    def period_us(self) -> int:
        """The time between two readings of a device."""
        return round(_SECOND_US / self.rate_hz)

    @property
    def readings_per_message(self) -> int:
        """How many readings share a message."""
        return min(max(1, int(MESSAGE_S * self.rate_hz)), READING_COUNT_MAX)

    @property
    def message_period_us(self) -> int:
        """The time between two messages of a device."""
        return self.period_us * self.readings_per_message

    def serial(self, index: int) -> str:
        """Name a device; all names are equally long, so that they sort."""
        return f"{self.prefix}{index + 1:0{len(str(self.devices))}d}"

    def announcement(self, index: int) -> Announcement:
        """Give what a device says about itself at its start."""
        field = FieldDescription(FIELD, "1", "A random walk, in hundredths")
        return Announcement(
            self.serial(index), "simulated-fleet-1", "1", (field,), boot_id=self.boot_id
        )


@dataclass(frozen=True, slots=True)
class Planned:
    """One message of a device.

    Attributes:
        sequence: from 1; a missing one has a number too.
        first_us: the time of its first reading, microseconds since 1970-01-01 UTC.
        due_us: when it should be sent: at the time of its last reading.
        values: of its readings, one period apart.
        delay_us: how much later than due it is sent, or sent again.
        garbage: what is sent after it; empty: nothing.
    """

    sequence: int
    first_us: int
    due_us: int
    values: tuple[float, ...]
    fault: Fault | None
    delay_us: int
    garbage: bytes


def messages(plan: FleetPlan, index: int, start_us: int) -> Iterator[Planned]:
    """Give the messages of one device, without end.

    All but the times depends on the seed and the device alone. Devices are spread over the time
    of a message.
    """
    serial = plan.serial(index)
    rng = random.Random(f"{plan.seed}/{index}")  # noqa: S311 - a seed is to repeat it
    first_us = start_us + plan.message_period_us * index // plan.devices
    level, count = rng.randrange(-1_000, 1_000), plan.readings_per_message
    sequence = 0
    while True:
        sequence += 1
        hundredths = []
        for _ in range(count):
            level += rng.randrange(-50, 51)
            hundredths.append(level / _HUNDREDTHS)
        yield Planned(
            sequence=sequence,
            first_us=first_us,
            due_us=first_us + plan.period_us * (count - 1),
            values=tuple(hundredths),
            fault=(fault := plan.faults.draw(rng)),
            delay_us=_delay_us(rng, fault, plan.late_s_max),
            garbage=_garbage(rng, plan.faults.garbage, f"{serial}/{sequence}"),
        )
        first_us += plan.message_period_us


def encode(plan: FleetPlan, planned: Planned, sent_at_us: int) -> bytes:
    """Encode a message as a device would that sends it now."""
    header = BatchHeader(
        boot_id=plan.boot_id,
        sequence=planned.sequence,
        sent_after_us=sent_at_us - planned.first_us,
    )
    times = times_of(planned.first_us, plan.period_us, len(planned.values))
    return encode_measurements(header, [FieldReadings(FIELD, times, planned.values)])


def times_of(first_us: int, period_us: int, count: int) -> Sequence[int]:
    """Give the times of readings one period apart."""
    return range(first_us, first_us + count * period_us, period_us)


def _delay_us(rng: random.Random, fault: Fault | None, late_s_max: float) -> int:
    # Drawn in any case: what follows must not depend on the shares of faults.
    drawn = rng.random()
    match fault:
        case Fault.LATE:
            return round((LATE_S_MIN + drawn * (late_s_max - LATE_S_MIN)) * _SECOND_US)
        case Fault.DUPLICATE:
            return round(drawn * AGAIN_S_MAX * _SECOND_US)
        case _:
            return 0


def _garbage(rng: random.Random, share: float, label: str) -> bytes:
    is_wanted = rng.random() < share
    length = rng.randrange(GARBAGE_BYTES_MIN, GARBAGE_BYTES_MAX)
    if not is_wanted:
        return b""
    content = _NO_PROTOBUF + label.encode()
    return content + rng.randbytes(max(0, length - len(content)))
