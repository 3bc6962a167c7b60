"""Series with readings and rollups of many days, and short ways to look at what is left of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from weir.events.event import Author
from weir.model.retention import Ages, Layer, Scope
from weir.ports import Expired, RetentionReport
from weir.postgres.retention.policies import change_policy
from weir.postgres.retention.runs import PostgresRetentionStore
from weir.postgres.schema import make_partitions_ahead

NOW = datetime(2026, 5, 20, 11, 30, tzinfo=UTC)
STREAM = "stream.0"
ADMIN = Author("user:ada")


def day(number: int, hour: int = 0) -> datetime:
    """Give an instant so many days before (negative) or after the midnight before `NOW`."""
    return datetime(2026, 5, 20, hour, tzinfo=UTC) + timedelta(days=number)


@dataclass
class StoreRoom:
    """A database with series, and the retention that clears it."""

    pool: asyncpg.Pool
    series: dict[str, int] = field(default_factory=dict)

    async def furnish(self) -> None:
        """Make a stream that the rollups have passed, and partitions."""
        await self.note_offsets(written=100, rolled=100)
        for number in range(-8, 1, 8):
            await make_partitions_ahead(self.pool, day(number).date())

    async def note_offsets(
        self, *, written: int, rolled: int | None, until: datetime = NOW
    ) -> None:
        """Say how far writer and rollups are, and before when everything is rolled up."""
        await self.pool.execute("DELETE FROM stream_offset")
        offsets = {"measurements": written, "aggregates": rolled}
        for consumer, offset in offsets.items():
            if offset is not None:
                await self.pool.execute(
                    "INSERT INTO stream_offset VALUES ($1, $2, $3)", consumer, STREAM, offset
                )
        await self.pool.execute(
            "INSERT INTO rollup_progress VALUES ($1, $2) ON CONFLICT (stream)"
            " DO UPDATE SET rolled_until = $2",
            STREAM,
            until,
        )

    async def add_series(
        self, name: str, *, site: str = "unassigned", series_class: str = "", zone: str = "UTC"
    ) -> int:
        """Make a device of a site with one series, both called `name`."""
        await self.pool.execute(
            "INSERT INTO site (org_id, slug, name, time_zone)"
            " SELECT org_id, $1, $1, $2 FROM organisation ON CONFLICT DO NOTHING",
            site,
            zone,
        )
        self.series[name] = await self.pool.fetchval(
            "WITH made AS (INSERT INTO device (serial, site_id)"
            " SELECT $1, site_id FROM site WHERE slug = $2 RETURNING device_id)"
            " INSERT INTO series (device_id, field, class) SELECT device_id, $1, $3 FROM made"
            " RETURNING series_id",
            name,
            site,
            series_class,
        )
        return self.series[name]

    async def put(self, name: str, *instants: datetime, value: float = 1.0) -> None:
        """Store readings, as if the rollups had them."""
        await self.pool.executemany(
            "INSERT INTO reading VALUES ($1, $2, $3)",
            [(self.series[name], instant, value) for instant in instants],
        )

    async def put_text(self, name: str, *instants: datetime) -> None:
        """Store texts."""
        await self.pool.executemany(
            "INSERT INTO text_reading VALUES ($1, $2, 'open')",
            [(self.series[name], instant) for instant in instants],
        )

    async def put_bucket(
        self, level: str, name: str, *buckets: datetime, time_zone: str | None = None
    ) -> None:
        """Store buckets of a rollup with one reading each."""
        zone_column, zone = ("", "") if time_zone is None else (", time_zone", ", $3::text")
        await self.pool.executemany(
            f"INSERT INTO rollup_{level} (series_id, bucket, count, sum, min, max, first_value,"
            " first_at, last_value, last_at, sum_squares, sum_positive, sum_negative"
            f"{zone_column}) SELECT $1, $2, 1, 1, 1, 1, 1, $2, 1, $2, 1, 1, 0{zone}",
            [
                (self.series[name], bucket, *(() if time_zone is None else (time_zone,)))
                for bucket in buckets
            ],
        )

    async def note_late(self, instant: datetime, offset: int = 50) -> None:
        """Note that readings of a day came late, with the messages before an offset."""
        await self.pool.execute(
            "INSERT INTO reading_arrival VALUES ($1, $2, $3)", instant.date(), STREAM, offset
        )
        await self.pool.execute(
            "UPDATE stream_offset SET next_offset = greatest(next_offset, $1)"
            " WHERE consumer = 'measurements'",
            offset,
        )

    async def left(self, table: str, name: str) -> list[datetime]:
        """Give the instants of what is left of a series in a table."""
        instant = "observed_at" if table.endswith("reading") else "bucket"
        rows = await self.pool.fetch(
            f"SELECT {instant} FROM {table} WHERE series_id = $1 ORDER BY 1",  # noqa: S608
            self.series[name],
        )
        return [row[0] for row in rows]

    async def kept_from(self, name: str, layer: str = "raw") -> datetime | None:
        """Tell from when on a layer of a series is noted to be complete."""
        kept: datetime | None = await self.pool.fetchval(
            f"SELECT nullif({layer}_from, '-infinity') FROM series_kept WHERE series_id = $1",  # noqa: S608
            self.series[name],
        )
        return kept

    async def set_ages(self, ages: Ages, scope: Scope = Scope()) -> None:  # noqa: B008 - frozen
        """Set ages of a policy."""
        await change_policy(self.pool, scope, ages, (), ADMIN)

    async def run(self, now: datetime = NOW) -> RetentionReport:
        """Do a run."""
        return await PostgresRetentionStore(self.pool).run(now)


def partitions_of(report: RetentionReport, layer: Layer = Layer.RAW) -> list[Expired]:
    """Give the whole partitions that a run has dropped of a layer."""
    return [each for each in report.expired if each.partition and each.layer is layer]


def rows_of(report: RetentionReport) -> dict[str, int]:
    """Give the rows that a run has deleted, by table."""
    return {each.table: each.row_count or 0 for each in report.expired if not each.partition}
