"""A writer and the aggregates consumer on a real database, with a clock that the test moves.

The stream between them is a list: what was written is read again after a restart, from the stored
checkpoint on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

import asyncpg

from consumers.aggregates import Aggregates
from weir.bootstrap import make_ports
from weir.clock import from_us, to_us
from weir.codec.encode import (
    BatchHeader,
    FieldReadings,
    encode_deletion,
    encode_measurements,
)
from weir.codec.measurement import MeasurementBatch
from weir.codec.telemetry import decode_telemetry
from weir.config import Settings
from weir.consumer import StreamMessage
from weir.model.announcement import Announcement, FieldDescription, Kind
from weir.ports import Checkpoint
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.readings import PostgresReadingStore
from weir.testing.clock import ManualClock

STREAM = "stream.0"
SERIAL = "meter-1"
KEY = f"sensor.{SERIAL}.measurements"
#: A day on which clocks change in Berlin.
START = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
START_US = to_us(START)


@dataclass
class World:
    """One device, its stream, and who projects it."""

    pool: asyncpg.Pool
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    messages: list[bytes] = field(default_factory=list)
    deletions: set[bytes] = field(default_factory=set)
    _sequences: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.ports = replace(
            make_ports(Settings(), self.pool),
            readings=PostgresReadingStore(self.pool, clock=self.clock),
            clock=self.clock,
        )
        self.restart()

    def restart(self) -> None:
        """Forget all that is not stored."""
        self.aggregates = Aggregates(self.ports)
        self._given: int | None = None

    async def store(
        self, name: str, readings: Mapping[int, float], *, is_correction: bool = False
    ) -> None:
        """Write readings by microseconds since 1970, in the order in which they are given."""
        column = FieldReadings(name, list(readings), list(readings.values()))
        header = BatchHeader(boot_id=1, sequence=next(self._sequences), is_correction=is_correction)
        await self.write(encode_measurements(header, [column]))

    async def delete(self, name: str, since_us: int, until_us: int) -> None:
        """Ask for a deletion, and let it take its turn."""
        deletion_id = UUID(int=next(self._sequences))
        await self.pool.execute(
            "INSERT INTO reading_deletion (deletion_id, device_id, fields, since, until, actor)"
            " SELECT $1, device_id, $2, $3, $4, 'test' FROM device WHERE serial = $5",
            deletion_id,
            [name],
            from_us(since_us),
            from_us(until_us),
            SERIAL,
        )
        self.deletions.add(encode_deletion(deletion_id))
        await self.write(encode_deletion(deletion_id))

    async def declare(self, name: str, kind: str) -> None:
        """Make a series that counts in a certain way, before it has any reading."""
        await self.ports.devices.announce(
            Announcement(SERIAL, "", "", (FieldDescription(name, kind=Kind(kind)),)),
            self.clock.now(),
        )

    def decoded(self, body: bytes) -> tuple[str, dict[int, float], bool]:
        """Read a batch of one field: its name, its readings, whether they correct."""
        batch = decode_telemetry("measurements", body, SERIAL, self._received_at_us)
        assert isinstance(batch, MeasurementBatch)
        (column,) = batch.columns
        readings = dict(zip(map(int, column.observed_at_us), column.numbers, strict=True))
        return column.name, readings, batch.is_correction

    async def write(self, body: bytes) -> None:
        """Do what the measurement writer does with a message, which is then in the stream."""
        offset = len(self.messages)
        batch = decode_telemetry("measurements", body, SERIAL, self._received_at_us)
        start = Checkpoint("measurements", STREAM, offset)
        await self.ports.readings.append(start, offset + 1, [batch], [])
        self.messages.append(body)

    async def project(self) -> None:
        """Give the aggregates what is in the stream, as after a restart where there was one."""
        if self._given is None:
            store = PostgresCheckpointStore(self.pool)
            self._given = await store.next_offset("aggregates", STREAM)
        start = Checkpoint("aggregates", STREAM, self._given)
        items = [
            self.aggregates.decode(StreamMessage(offset, KEY, body, self._received_at_us))
            for offset, body in enumerate(self.messages[self._given :], self._given)
        ]
        await self.aggregates.commit(start, len(self.messages), items, [])
        self._given = len(self.messages)
        for chore in self.aggregates.chores():
            if chore.name == "requests":
                await chore.run()

    async def settle(self) -> None:
        """Let so much time pass that nothing waits any longer."""
        await self.project()
        self.clock.advance(120)
        await self.project()

    async def buckets(self, level: str, name: str) -> dict[int, dict[str, float | None]]:
        """Read the rollups of a field by their start."""
        rows = await self.pool.fetch(
            f"SELECT b.* FROM rollup_{level} AS b JOIN series USING (series_id)"  # noqa: S608
            " WHERE field = $1 ORDER BY bucket",
            name,
        )
        return {to_us(row["bucket"]): _plain(row) for row in rows}

    @property
    def _received_at_us(self) -> int:
        # Nothing is refused for coming from the future.
        return to_us(self.clock.now()) + 365 * 86_400_000_000


def _plain(row: asyncpg.Record) -> dict[str, float | None]:
    bucket = {name: row[name] for name in row.keys() if name not in _KEYS}  # noqa: SIM118 - a record
    return bucket | {name: to_us(bucket[name]) for name in ("first_at", "last_at")}


_KEYS = ("series_id", "bucket", "time_zone")


def seconds(instants: Sequence[float]) -> list[int]:
    """Give instants that are so many seconds after the start."""
    return [START_US + round(second * 1_000_000) for second in instants]
