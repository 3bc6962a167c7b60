"""Compare the buckets of one stretch of a series with what they must be, from the minutes up.

Minutes are compared with the readings, and every other level with the one below it, which is
compared itself; where that says that something differs, with the readings again, so that a wrong
minute is not taken for a wrong hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from weir.postgres.pool import Connection
from weir.postgres.queries.rollup_comparison import Bucket, different_columns
from weir.postgres.queries.rollup_spans import (
    SOURCES,
    Span,
    buckets_ending_in,
    has_more_readings,
    stray_buckets,
)
from weir.postgres.rollup_buckets import Buckets
from weir.postgres.rollup_levels import Step
from weir.postgres.rollup_seals import which_are_sealed
from weir.postgres.rollup_statements import (
    COLUMNS,
    PLAIN,
    SATURATING,
    Arithmetic,
    Level,
    from_level,
    from_readings,
)

#: Hours and days with more readings are compared with the level below only: a second's work.
RAW_READINGS_MAX = 1_000_000
#: Stands for the whole of a bucket that is missing, or should not be there.
_COUNT = "count"
_TIME_ZONE = "time_zone"

#: Buckets by their start; None: there is none.
Found = dict[datetime, Bucket | None]


@dataclass(frozen=True, slots=True)
class CheckedSeries:
    """A series, and the times of it that are to be computed again; None: without end."""

    series_id: int
    serial: str
    field: str
    requests: Sequence[tuple[datetime | None, datetime | None]] = ()

    def is_waiting(self, since: datetime, until: datetime) -> bool:
        """Tell whether something of that time is to be computed again."""
        return any(
            (start is None or start < until) and (end is None or end > since)
            for start, end in self.requests
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """A column that is not what it must be; of a bucket that only one side has, its count."""

    level: Level
    serial: str
    field: str
    bucket: datetime
    column: str
    stored: float | datetime | str | None
    expected: float | datetime | str | None


@dataclass(slots=True)
class LevelCount:
    """How many buckets of a level were compared, and how many not.

    `unverifiable`: what they were computed from is gone. `waiting`: they are to be computed again.
    """

    checked: int = 0
    unverifiable: int = 0
    waiting: int = 0

    def add(self, other: "LevelCount") -> None:
        """Count what another has counted."""
        self.checked += other.checked
        self.unverifiable += other.unverifiable
        self.waiting += other.waiting


@dataclass(slots=True)
class Check:
    """What comparing has found so far; made by `check_span`.

    `suspects`: instants whose buckets differ, or did before. Hours and days around them are
    compared with the readings, as they would agree with what is wrong below them.
    """

    connection: Connection
    series: CheckedSeries
    suspects: list[datetime]
    counts: dict[Level, LevelCount] = field(
        default_factory=lambda: {level: LevelCount() for level in Level}
    )
    differences: list[Difference] = field(default_factory=list)

    async def settled(self, step: Step, buckets: Buckets) -> Buckets:
        """Leave out what cannot be compared, or not yet; counts all."""
        count = self.counts[step.level]
        gone = await which_are_sealed(self.connection, buckets, step.source)
        count.unverifiable += sum(gone)
        there = buckets.only(not is_gone for is_gone in gone)
        waiting = list(map(self.series.is_waiting, there.starts, there.ends))
        count.waiting += sum(waiting)
        settled = there.only(not is_waiting for is_waiting in waiting)
        count.checked += len(settled)
        return settled

    async def compare(self, step: Step, buckets: Buckets) -> None:
        """Note where buckets are not what they must be."""
        stored = await self._stored(step, buckets)
        expected = await self._computed(step.source, buckets)
        if step.source is not None:
            expected |= await self._from_readings(buckets, stored, expected)
        for start in buckets.starts:
            self._note(step, start, stored.get(start), expected.get(start))

    async def condemn(self, step: Step, buckets: Buckets) -> None:
        """Note buckets that should not be there."""
        for start, bucket in (await self._stored(step, buckets)).items():
            self._note(step, start, bucket, None)

    def _note(
        self, step: Step, start: datetime, stored: Bucket | None, expected: Bucket | None
    ) -> None:
        if stored is None and expected is None:
            return
        if stored is None or expected is None:
            columns = [_COUNT]
        else:
            columns = different_columns(stored, expected)
            if step.time_zone is not None and stored[_TIME_ZONE] != step.time_zone:
                columns.append(_TIME_ZONE)
                expected = {**expected, _TIME_ZONE: step.time_zone}
        if columns:
            self.suspects.append(start)
        self.differences += (
            Difference(
                level=step.level,
                serial=self.series.serial,
                field=self.series.field,
                bucket=start,
                column=column,
                stored=None if stored is None else stored[column],
                expected=None if expected is None else expected[column],
            )
            for column in columns
        )

    async def _from_readings(self, buckets: Buckets, stored: Found, expected: Found) -> Found:
        """Compute those from the readings that differ, or in which something does."""
        doubtful = buckets.only(
            any(start <= suspect < end for suspect in self.suspects)
            or _differs(stored.get(start), expected.get(start))
            for start, end in zip(buckets.starts, buckets.ends, strict=True)
        )
        gone = await which_are_sealed(self.connection, doubtful, None)
        doubtful = doubtful.only(not is_gone for is_gone in gone)
        too_many = [
            await has_more_readings(self.connection, Span(*bucket), RAW_READINGS_MAX)
            for bucket in zip(*doubtful.arguments, strict=True)
        ]
        doubtful = doubtful.only(not is_too_much for is_too_much in too_many)
        nothing: Found = dict.fromkeys(doubtful.starts)
        return nothing | await self._computed(None, doubtful)

    async def _stored(self, step: Step, buckets: Buckets) -> Found:
        zone = f", {_TIME_ZONE}" if step.level is Level.SITE_DAY else ""
        rows = await self.connection.fetch(
            f"SELECT bucket, {', '.join(COLUMNS)}{zone} FROM {step.level.table}"  # noqa: S608
            " WHERE series_id = $1 AND bucket = ANY($2::timestamptz[])",
            self.series.series_id,
            buckets.starts,
        )
        return {row["bucket"]: row for row in rows}

    async def _computed(self, source: Level | None, buckets: Buckets) -> Found:
        if not buckets:
            return {}
        try:
            # What overflows must not end the snapshot.
            async with self.connection.transaction():
                rows = await self._fetch_computed(source, buckets, PLAIN)
        except asyncpg.NumericValueOutOfRangeError:
            rows = await self._fetch_computed(source, buckets, SATURATING)
        return {row["bucket"]: row for row in rows}

    async def _fetch_computed(
        self, source: Level | None, buckets: Buckets, arithmetic: Arithmetic
    ) -> list[asyncpg.Record]:
        computed = from_readings(arithmetic) if source is None else from_level(source, arithmetic)
        return await self.connection.fetch(computed, *buckets.arguments)


async def check_span(
    connection: Connection, series: CheckedSeries, span: Span, suspect_at: datetime | None
) -> Check:
    """Compare all buckets that end in a stretch, in the caller's snapshot.

    `suspect_at`: the newest bucket before it that differs, if one does.
    """
    check = Check(connection, series, [] if suspect_at is None else [suspect_at])
    for level in Level:
        for step, buckets in await buckets_ending_in(connection, span, level, check.suspects):
            settled = await check.settled(step, buckets)
            if settled:
                await check.compare(step, settled)
        stray = await stray_buckets(connection, span, level)
        if stray:
            step = Step(level, SOURCES[level])
            await check.condemn(step, await check.settled(step, stray))
    return check


def _differs(stored: Bucket | None, expected: Bucket | None) -> bool:
    if stored is None or expected is None:
        return stored is not expected
    return bool(different_columns(stored, expected))
