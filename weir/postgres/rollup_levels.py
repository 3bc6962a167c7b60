"""Compute buckets of all levels, from the minutes up, in the caller's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weir.postgres.pool import Connection
from weir.postgres.rollup_buckets import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    BucketKey,
    Buckets,
    buckets_of,
)
from weir.postgres.rollup_seals import join_late, which_are_sealed
from weir.postgres.rollup_statements import (
    PLAIN,
    TOUCHED,
    Arithmetic,
    Level,
    delete_emptied,
    from_level,
    from_readings,
    upsert,
)

#: Held by whoever writes rollups or drops what they are computed from, until its commit: two that
#: compute the hour of two minutes at the same time would each miss the other's.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('weir.rollups', 0))"
#: Everything here is found by key, a few rows at a time. A planner without statistics, as for a new
#: partition, would rather read whole tables.
_BY_KEY = """
    SELECT set_config(name, 'off', true)
    FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit']) AS name
    """
_SITE_DAYS = f"""
    SELECT DISTINCT t.series_id, time_zone,
           date_trunc('day', t.bucket, time_zone) AS bucket,
           (date_trunc('day', t.bucket AT TIME ZONE time_zone) + interval '1 day')
               AT TIME ZONE time_zone AS until
    FROM {TOUCHED} JOIN series USING (series_id) JOIN device USING (device_id)
    JOIN site USING (site_id)
    WHERE time_zone <> 'UTC' ORDER BY time_zone, t.series_id, bucket
    """  # noqa: S608 - only constants are put together
_HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Step:
    """How one level is computed: from `source`, a level or, for the minutes, the readings."""

    level: Level
    source: Level | None
    time_zone: str | None = None

    async def compute(
        self, connection: Connection, buckets: Buckets, arithmetic: Arithmetic = PLAIN
    ) -> int:
        """Write the buckets, or delete those that have nothing left; gives how many there are."""
        if not buckets:
            return 0
        sealed = await which_are_sealed(connection, buckets, self.source)
        count = 0
        if any(sealed):
            late = buckets.only(sealed)
            count = await join_late(connection, self.level, late, self.source, self.time_zone)
            buckets = buckets.only(not is_sealed for is_sealed in sealed)
        return count + await self._compute_whole(connection, buckets, arithmetic)

    async def _compute_whole(
        self, connection: Connection, buckets: Buckets, arithmetic: Arithmetic
    ) -> int:
        if not buckets:
            return 0
        if self.source is None:
            computed, table, instant = from_readings(arithmetic), "reading", "observed_at"
        else:
            computed, table = from_level(self.source, arithmetic), self.source.table
            instant = "bucket"
        zone = () if self.time_zone is None else (self.time_zone,)
        status = await connection.execute(upsert(self.level, computed), *buckets.arguments, *zone)
        count = int(status.rsplit(" ", 1)[-1])
        if count < len(buckets):
            statement = delete_emptied(self.level, table, instant)
            await connection.execute(statement, *buckets.arguments)
        return count


async def begin(connection: Connection) -> None:
    """Be the only one that writes rollups until the transaction ends; call it first."""
    await connection.execute(_LOCK)
    await find_by_key(connection)


async def find_by_key(connection: Connection) -> None:
    """Have everything found by key until the transaction ends."""
    await connection.execute(_BY_KEY)


async def compute_levels(
    connection: Connection,
    minutes: Iterable[BucketKey],
    above: Sequence[BucketKey] = (),
    arithmetic: Arithmetic = PLAIN,
) -> int:
    """Compute these minutes and every bucket above them; gives the number of buckets written.

    `above`: instants whose hours and days are computed as well, whatever becomes of their minutes.
    The caller's transaction starts with `begin`.
    """
    minutes = set(minutes)
    touched = [*minutes, *above]
    count = 0
    for step, buckets in (
        (Step(Level.MINUTE, None), buckets_of(minutes, MINUTE_US)),
        (Step(Level.HOUR, Level.MINUTE), buckets_of(touched, HOUR_US)),
        (Step(Level.DAY, Level.HOUR), buckets_of(touched, DAY_US)),
        *await site_days(connection, buckets_of(touched, MINUTE_US)),
    ):
        count += await step.compute(connection, buckets, arithmetic)
    return count


async def site_days(connection: Connection, touched: Buckets) -> list[tuple[Step, Buckets]]:
    """Find the days of sites in which some buckets lie, where the site's time zone is not UTC."""
    found: dict[Step, list[tuple[int, object, object]]] = {}
    for row in await connection.fetch(_SITE_DAYS, *touched.arguments):
        # Where local midnight is between two hours of UTC, hours would count on both sides of it.
        is_aligned = all(row[name].timestamp() % _HOUR_S == 0 for name in ("bucket", "until"))
        source = Level.HOUR if is_aligned else Level.MINUTE
        step = Step(Level.SITE_DAY, source, row["time_zone"])
        found.setdefault(step, []).append((row["series_id"], row["bucket"], row["until"]))
    return [(step, Buckets(*zip(*rows, strict=True))) for step, rows in found.items()]
