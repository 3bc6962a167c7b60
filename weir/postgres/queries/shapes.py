"""The shape of curves: few readings of very many, chosen so that a chart looks the same."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import numpy as np

from weir.clock import from_us, to_us
from weir.errors import RequestError
from weir.model.query import BucketQuestion, Function, Resolution
from weir.postgres.pool import Connection
from weir.postgres.queries._read import snapshot
from weir.postgres.queries.bucket_plan import plan_buckets
from weir.postgres.queries.buckets import read_buckets
from weir.postgres.queries.lanes import Lane
from weir.postgres.queries.raw_downloads import RawQuestion, read_numbers
from weir.postgres.queries.readings import Reading
from weir.postgres.queries.series import Series
from weir.timeseries.downsampling import Preselection, downsample

#: Readings that are looked through for one answer: some ten seconds.
READINGS_MAX = 20_000_000


async def read_shape(
    pool: asyncpg.Pool,
    series: Sequence[Series],
    window: tuple[datetime, datetime],
    max_points: int,
) -> list[Reading]:
    """Give at most `max_points` readings of each series, by time, then series.

    Each was measured: nothing is averaged. Texts have no shape and are left out.

    Raises:
        RequestError: there are too many readings to look through.
        StoreUnavailableError: try again later.
    """
    async with snapshot(pool) as connection:
        counts = await _count(connection, series, window)
        total = sum(counts.values())
        if total > READINGS_MAX:
            raise RequestError(
                f"query.max_points: {total} readings are more than the {READINGS_MAX} that are "
                "looked through for a shape: take a shorter range, or resolution=auto"
            )
        found = [
            reading
            for each in series
            if counts.get(each.series_id)
            for reading in await _shape(
                connection, each, window, counts[each.series_id], max_points
            )
        ]
    return sorted(found, key=lambda reading: reading.position)


async def _shape(
    connection: Connection,
    series: Series,
    window: tuple[datetime, datetime],
    reading_count: int,
    max_points: int,
) -> list[Reading]:
    preselection = Preselection(reading_count, max_points)
    async for piece in read_numbers(connection, series, RawQuestion(*window)):
        assert isinstance(piece.values, np.ndarray)  # noqa: S101 - they are numbers
        preselection.add(piece.instants_us, piece.values)
    instants, values = downsample(*preselection.points(), max_points)
    lane = Lane(series.series_id, is_text=False)
    return [
        Reading(lane, from_us(at), value)
        for at, value in zip(instants.tolist(), values.tolist(), strict=True)
    ]


async def _count(
    connection: Connection, series: Sequence[Series], window: tuple[datetime, datetime]
) -> dict[int, int]:
    """Count the readings of each series, from the rollups where there are some."""
    question = BucketQuestion(*window, Resolution.DAY, (Function.COUNT,))
    plan = await plan_buckets(connection, series, question)
    found = await read_buckets(connection, plan, plan.groups, *map(to_us, window))
    counts: dict[int, int] = {}
    for series_id, count in zip(
        found.series_ids.tolist(), found.columns[Function.COUNT].tolist(), strict=True
    ):
        counts[series_id] = counts.get(series_id, 0) + count
    return {} if plan.is_text else counts
