"""What the next run would drop, and what it would wait for; nothing is changed.

The same bounds, partitions and conditions as in `runs`, in the same order. Rows are counted up to a
limit, so that asking is cheap however much there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

import asyncpg

from weir.errors import StoreUnavailableError, TransientError
from weir.model.limits import OBSERVED_AT_MIN
from weir.model.retention import Layer
from weir.postgres.pool import transaction
from weir.postgres.retention.bounds import EXPIRING, SERIES_WITH_BOUNDS, Bounds, find_bounds
from weir.postgres.retention.drops import is_shared
from weir.postgres.retention.layers import PARTITIONED, RAW, TABLES, LayerTable
from weir.postgres.retention.partitions import Partition, Partitions, open_partitions
from weir.postgres.retention.policies import read_policies
from weir.postgres.retention.progress import require_rolled_up
from weir.postgres.retention.rows import BY_KEY
from weir.postgres.retention.sweep import find_noted
from weir.postgres.retention.unrolled import DEVICE_TABLES, TEXT_TABLE

#: Beyond it, "more than" is all that anybody wants to know.
ROWS_COUNTED_MAX = 100_000

Ranges = Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class Planned:
    """What would go of one table: a whole partition, or rows of some series.

    `waits_for`: why it would not go yet. `row_count` stops at `ROWS_COUNTED_MAX`; of a partition it
    is an estimate, None where there is none.
    """

    layer: Layer
    table: str
    until: datetime
    partition: str | None = None
    row_count: int | None = None
    byte_count: int | None = None
    waits_for: str | None = None


@dataclass(slots=True)
class _Plan:
    pool: asyncpg.Pool
    partitions: Partitions
    bounds: Mapping[Layer, Bounds]
    late: Ranges
    planned: list[Planned] = field(default_factory=list)
    #: From when on something has to wait, and why; the layers above wait with it.
    held_from: datetime | None = None
    held_by: str | None = None

    async def add(self, layer: LayerTable) -> None:
        bounds = self.bounds[layer.layer]
        latest = bounds.latest
        if latest is None:
            return
        whole = await self._find_whole(layer, bounds, latest)
        for partition in whole:
            self.planned.append(
                Planned(
                    layer.layer,
                    layer.table,
                    partition.until,
                    partition.name,
                    partition.row_count,
                    partition.byte_count,
                    await self._waits_for(layer, partition.since, partition.until),
                )
            )
        elsewhere = _outside([(each.since, each.until) for each in whole], latest)
        row_count = await self._count(_count_rows(layer), bounds, elsewhere, self.late)
        if row_count:
            waits_for = await self._waits_for(layer, OBSERVED_AT_MIN, latest)
            self._add_rows(layer.layer, layer.table, row_count, waits_for)

    async def add_texts(self) -> None:
        row_count = await self._count(_COUNT_TEXTS, self.bounds[Layer.RAW])
        if row_count:
            self._add_rows(Layer.RAW, TEXT_TABLE, row_count, self.held_by)

    async def add_of_devices(self) -> None:
        for of in DEVICE_TABLES:
            row_count = await self._count(_count_of_devices(of.table), self.bounds[of.layer])
            if row_count:
                self._add_rows(of.layer, of.table, row_count, None)

    def _add_rows(self, layer: Layer, table: str, row_count: int, waits_for: str | None) -> None:
        until = self.bounds[layer].latest or OBSERVED_AT_MIN
        self.planned.append(Planned(layer, table, until, row_count=row_count, waits_for=waits_for))

    async def _find_whole(
        self, layer: LayerTable, bounds: Bounds, latest: datetime
    ) -> list[Partition]:
        found = await self.partitions.find(self.pool, layer.table) if layer in PARTITIONED else []
        return [
            each
            for each in found
            if each.until <= latest and not await is_shared(self.pool, each, bounds)
        ]

    async def _waits_for(self, layer: LayerTable, since: datetime, until: datetime) -> str | None:
        if self.held_from is not None and until > self.held_from:
            return self.held_by
        try:
            async with transaction(self.pool) as connection:
                await require_rolled_up(connection, layer, since, until)
        except StoreUnavailableError:
            raise
        except TransientError as error:
            self.held_from, self.held_by = since, str(error)
        return self.held_by

    async def _count(self, statement: str, bounds: Bounds, *ranges: Ranges) -> int:
        columns = [[edge[index] for edge in each] for each in ranges for index in (0, 1)]
        async with transaction(self.pool) as connection:
            await connection.execute(BY_KEY)
            return int(
                await connection.fetchval(
                    f"SELECT count(*) FROM ({statement} LIMIT {ROWS_COUNTED_MAX}) AS counted",  # noqa: S608
                    *bounds.arguments,
                    *columns,
                )
            )


async def plan_run(pool: asyncpg.Pool, now: datetime) -> list[Planned]:
    """Tell what a run at `now` would drop, in its order.

    Raises:
        StoreUnavailableError: try again later.
    """
    bounds = await find_bounds(pool, await read_policies(pool), now)
    late = [datetime.combine(day, time(), UTC) for day, _ in await find_noted(pool)]
    one_day = timedelta(days=1)
    plan = _Plan(
        pool, await open_partitions(pool), bounds, [(since, since + one_day) for since in late]
    )
    for layer in TABLES:
        await plan.add(layer)
        if layer is RAW:
            await plan.add_texts()
    await plan.add_of_devices()
    return plan.planned


def _outside(ranges: Ranges, latest: datetime) -> Ranges:
    """Give what is between ranges, which are in order, from the beginning to `latest`."""
    starts = [OBSERVED_AT_MIN, *(until for _, until in ranges)]
    ends = [*(since for since, _ in ranges), latest]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def _count_rows(layer: LayerTable) -> str:
    """Find rows that have expired since the last run, and late ones from before.

    The inner limits keep the planner from looking at whole tables: it goes series by series.
    """
    rows = f"{layer.table} AS row WHERE row.series_id = series.series_id AND row.{layer.instant}"
    return f"""
    SELECT 1 FROM {SERIES_WITH_BOUNDS}
    JOIN unnest($4::timestamptz[], $5::timestamptz[]) AS range (since, until)
        ON greatest(range.since, kept.{layer.kept_from}) < least(range.until, expiring.until)
    CROSS JOIN LATERAL (
        SELECT 1 FROM {rows} >= greatest(range.since, kept.{layer.kept_from})
           AND row.{layer.instant} < least(range.until, expiring.until)
        LIMIT {ROWS_COUNTED_MAX}) AS main
    WHERE expiring.until IS NOT NULL
    UNION ALL
    SELECT 1 FROM {SERIES_WITH_BOUNDS}
    JOIN unnest($6::timestamptz[], $7::timestamptz[]) AS range (since, until)
        ON range.since < kept.{layer.kept_from}
    CROSS JOIN LATERAL (
        SELECT 1 FROM {rows} >= range.since
           AND row.{layer.instant} < least(range.until, kept.{layer.kept_from})
        LIMIT {ROWS_COUNTED_MAX}) AS late
    """  # noqa: S608 - only constants are put together


_COUNT_TEXTS = f"""
    SELECT 1 FROM {SERIES_WITH_BOUNDS}
    CROSS JOIN LATERAL (
        SELECT 1 FROM {TEXT_TABLE} AS row WHERE row.series_id = series.series_id
           AND row.observed_at < greatest(kept.raw_from, expiring.until)
        LIMIT {ROWS_COUNTED_MAX}) AS text
    """  # noqa: S608


def _count_of_devices(table: str) -> str:
    return f"""
    SELECT 1 FROM {EXPIRING} JOIN device USING (site_id)
    JOIN {table} AS row USING (device_id) WHERE row.observed_at < expiring.until
    """  # noqa: S608
