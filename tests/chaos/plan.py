"""What a publisher is going to send, all of it known from the seed alone.

The publisher and the judge make the same plan, so the account needs nothing but numbers. Values are
multiples of 1/8 below 4096: their sums and the sums of their squares are exact as doubles in any
order, and rollups can be compared bit by bit.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos import poison
from weir.codec.encode import BatchHeader, FieldReadings, Value, encode_measurements
from weir.codec.registry import encode_announcement
from weir.model.announcement import Announcement, FieldDescription

_MINUTE_US = 60_000_000
_HOUR_US = 60 * _MINUTE_US
#: Where live readings begin, before the start of the run: so long ago that they never reach the
#: present, whose last minute the rollups would wait for at the end of each run.
_LIVE_AGE_US = 3 * _HOUR_US
#: Some are of the first minute of the run: rollups hold their checkpoint back until it is over.
_PRESENT_SHARE = 0.15
_PRESENT_SIZES = (1, 5, 20)
_PRESENT_PERIODS_US = (1_000, 20_000)
#: How late readings may be: within the day, over midnight, and where no partition is made ahead.
#: Retention keeps raw readings for 30 days: what is older may be dropped within the run.
_LATE_AGES_US = (5 * _HOUR_US, 26 * _HOUR_US, 75 * _HOUR_US, 25 * 24 * _HOUR_US)
_PERIODS_US = (1_000, 20_000, 50_000, 250_000, 1_000_000)
_SIZES = (1, 5, 20, 60, 200, 2_000)
_SIZE_WEIGHTS = (20, 20, 30, 20, 9, 1)
#: Messages of one reading, many after each other: what is decoded together.
_BURST_SHARE = 0.05
_BURST_SIZES = (30, 120)
_BURST_FIELDS = ("pressure", "rpm")
_LATE_SHARE = 0.12
_POISON_SHARE = 0.02
_CORRECTION_SHARE = 0.03
_CONFLICT_SHARE = 0.03
_ANNOUNCEMENT_SHARE = 0.01
#: Corrections and conflicts refer to one of so many batches before.
_RECENT_COUNT = 40
#: Messages are sent up to about so many places away from their order.
_DISORDER = 6.0
_FIELDS = ("pressure", "rpm", "valve/open", "mode[1]")
_FIELD_WEIGHTS = (8, 6, 3, 1)


class Kind(StrEnum):
    """What a message is there to prove."""

    BATCH = "batch"
    LATE = "late"
    CORRECTION = "correction"
    #: Other values for readings that are stored: the first must stay.
    CONFLICT = "conflict"
    POISON = "poison"
    ANNOUNCEMENT = "announcement"


@dataclass(frozen=True, slots=True)
class Message:
    """One publish. `original` is the message that a correction or a conflict is about."""

    index: int
    kind: Kind
    serial: str
    body: bytes
    columns: tuple[FieldReadings, ...] = ()
    original: int | None = None

    @property
    def topic_kind(self) -> str:
        return "registry" if self.kind is Kind.ANNOUNCEMENT else "measurements"

    @property
    def reading_count(self) -> int:
        return sum(len(column.values) for column in self.columns)


@dataclass(slots=True)
class _Device:
    serial: str
    boot_id: int
    sequence: int = 0
    next_us: dict[int, int] = field(default_factory=dict)
    recent: list[Message] = field(default_factory=list)


class Planner:
    """Makes the messages of one publisher, in the order in which they are sent."""

    def __init__(self, seed: int, publisher: int, origin_us: int) -> None:
        self._rng = random.Random(f"{seed}/{publisher}")
        self._origin_us = origin_us
        self._messages: list[Message] = []
        self._devices = [
            _Device(f"chaos-{publisher}-{number}", self._rng.randrange(1, 2**32))
            for number in range(self._rng.randint(2, 4))
        ]

    def plan(self, reading_count: int) -> list[Message]:
        """Plan messages until they have `reading_count` readings to be stored."""
        for device in self._devices:
            self._announce(device)
        planned_count = 0
        while planned_count < reading_count:
            device = self._rng.choice(self._devices)
            planned_count += self._batch(device).reading_count
            for share, extra in (
                (_POISON_SHARE, self._poison),
                (_CORRECTION_SHARE, self._correct),
                (_CONFLICT_SHARE, self._contradict),
                (_ANNOUNCEMENT_SHARE, self._announce),
                (_BURST_SHARE, self._burst),
            ):
                if self._rng.random() < share:
                    extra(device)
        return sorted(self._messages, key=self._place)

    def _place(self, message: Message) -> float:
        return message.index + self._rng.uniform(-_DISORDER, _DISORDER)

    def _add(
        self, device: _Device, kind: Kind, body: bytes, columns: tuple[FieldReadings, ...] = ()
    ) -> Message:
        message = Message(len(self._messages), kind, device.serial, body, columns)
        self._messages.append(message)
        return message

    def _announce(self, device: _Device) -> None:
        fields = tuple(FieldDescription(name, description="planned") for name in _FIELDS)
        firmware = f"1.{len(self._messages)}"
        announcement = Announcement(device.serial, "chaos", firmware, fields, 0.0, device.boot_id)
        self._add(device, Kind.ANNOUNCEMENT, encode_announcement(announcement))

    def _batch(self, device: _Device) -> Message:
        rng = self._rng
        is_late = rng.random() < _LATE_SHARE
        if not is_late and rng.random() < _PRESENT_SHARE:
            count = rng.choice(_PRESENT_SIZES)
            times = self._times(device, 0, count, _PRESENT_PERIODS_US)
        else:
            count = rng.choices(_SIZES, _SIZE_WEIGHTS)[0]
            age_us = rng.choice(_LATE_AGES_US) if is_late else _LIVE_AGE_US
            times = self._times(device, age_us, count, _PERIODS_US)
        names = sorted(set(rng.choices(_FIELDS, _FIELD_WEIGHTS, k=2)))
        columns = tuple(FieldReadings(name, times, self._values(name, count)) for name in names)
        kind = Kind.LATE if is_late else Kind.BATCH
        message = self._add(device, kind, self._encode(device, columns), columns)
        device.recent = [*device.recent[-_RECENT_COUNT:], message]
        return message

    def _burst(self, device: _Device) -> None:
        name = self._rng.choice(_BURST_FIELDS)
        for _ in range(self._rng.randint(*_BURST_SIZES)):
            times = self._times(device, _LIVE_AGE_US, 1, _PERIODS_US)
            columns = (FieldReadings(name, times, self._values(name, 1)),)
            message = self._add(device, Kind.BATCH, self._encode(device, columns), columns)
            device.recent = [*device.recent[-_RECENT_COUNT:], message]

    def _times(
        self, device: _Device, age_us: int, count: int, periods_us: Sequence[int]
    ) -> list[int]:
        """Give the next instants of one lane: no two batches of a device share one."""
        rng = self._rng
        start_us = device.next_us.get(age_us, self._origin_us - age_us)
        period_us = rng.choice(periods_us)
        jitter_us = rng.choice((0, 0, period_us // 2))
        times = [start_us + i * period_us + rng.randint(0, jitter_us) for i in range(count)]
        device.next_us[age_us] = times[-1] + 1 + rng.randrange(period_us)
        return times

    def _values(self, name: str, count: int) -> list[Value]:
        rng = self._rng
        match name:
            case "rpm":
                return [rng.randint(-4_000, 4_000) for _ in range(count)]
            case "valve/open":
                return [rng.random() < 0.5 for _ in range(count)]
            case "mode[1]":
                return [f"mode {rng.randrange(10)} \N{DEGREE SIGN}" for _ in range(count)]
            case _:
                return [rng.randint(-32_000, 32_000) / 8 for _ in range(count)]

    def _encode(
        self, device: _Device, columns: tuple[FieldReadings, ...], *, is_correction: bool = False
    ) -> bytes:
        device.sequence += 1
        serial = device.serial if self._rng.randrange(2) else ""
        header = BatchHeader(serial, device.boot_id, device.sequence, is_correction=is_correction)
        return encode_measurements(header, columns)

    def _correct(self, device: _Device) -> None:
        self._repeat(device, Kind.CORRECTION)

    def _contradict(self, device: _Device) -> None:
        self._repeat(device, Kind.CONFLICT)

    def _repeat(self, device: _Device, kind: Kind) -> None:
        """Send other values for an earlier batch, each batch at most once."""
        if not device.recent:
            return
        original = device.recent.pop(self._rng.randrange(len(device.recent)))
        columns = tuple(
            FieldReadings(
                column.name,
                column.observed_at_us,
                self._values(column.name, len(column.values)),
            )
            for column in original.columns
        )
        body = self._encode(device, columns, is_correction=kind is Kind.CORRECTION)
        self._messages.append(
            Message(len(self._messages), kind, device.serial, body, columns, original.index)
        )

    def _poison(self, device: _Device) -> None:
        token = f"{device.serial}-{len(self._messages)}"
        self._add(device, Kind.POISON, poison.make(self._rng, token, self._origin_us))


def plan(seed: int, publisher: int, origin_us: int, reading_count: int) -> list[Message]:
    """Plan what a publisher sends; `origin_us`: the start of the run, since 1970."""
    return Planner(seed, publisher, origin_us).plan(reading_count)


def readings(message: Message) -> Iterator[tuple[tuple[str, str, int], float | str]]:
    """Give what a message says as ((serial, field, instant), value as it is stored)."""
    for column in message.columns:
        for instant_us, value in zip(column.observed_at_us, column.values, strict=True):
            stored = value if isinstance(value, str) else float(value)
            yield (message.serial, column.name, instant_us), stored
