"""Delete what came late for a time that was dropped before.

Late readings are stored, joined to the rollups of their bucket, and have no place of their own any
more. `reading_arrival` names the days that late readings came for; a day is forgotten there when
nothing of it is left that has expired.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter

import asyncpg

from weir.postgres.errors import translated
from weir.postgres.pool import transaction
from weir.postgres.retention.layers import LayerTable
from weir.postgres.retention.rows import BY_KEY, SERIES_COUNT, Spans, delete_spans
from weir.postgres.rollup_levels import begin

_NOTED = "SELECT day, stream, next_offset FROM reading_arrival ORDER BY day, stream"
#: A day that was noted anew meanwhile has something new.
_FORGET = """
    DELETE FROM reading_arrival AS noted
    USING unnest($2::text[], $3::bigint[]) AS swept (stream, next_offset), stream_offset AS rolled
    WHERE noted.day = $1 AND noted.stream = swept.stream
      AND noted.next_offset = swept.next_offset
      AND rolled.consumer = 'aggregates' AND rolled.stream = noted.stream
      AND rolled.next_offset >= noted.next_offset
    """


async def find_noted(pool: asyncpg.Pool) -> list[tuple[date, list[tuple[str, int]]]]:
    """Give the days for which readings came late, each with the offsets in its streams.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        rows = await pool.fetch(_NOTED)
    return [
        (day, [(row["stream"], row["next_offset"]) for row in of_day])
        for day, of_day in groupby(rows, key=itemgetter("day"))
    ]


async def sweep_late(pool: asyncpg.Pool, layer: LayerTable, day: date) -> int:
    """Delete rows that a layer has of a day, of series that have lost that day before.

    Raises:
        TransientError: the rollups do not have them yet.
        StoreUnavailableError: try again later.
    """
    row_count = 0
    after_id = 0
    while spans := await _find_late(pool, layer, day, after_id):
        deleted = await delete_spans(pool, layer, spans)
        row_count += deleted.row_count
        if not deleted.has_advanced:
            after_id = spans.series_ids[-1]
    return row_count


async def forget_noted(pool: asyncpg.Pool, day: date, offsets: Sequence[tuple[str, int]]) -> None:
    """Forget that readings of a day came late, save those that came after `offsets`.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await begin(connection)
        await connection.execute(
            _FORGET, day, [stream for stream, _ in offsets], [offset for _, offset in offsets]
        )


async def _find_late(pool: asyncpg.Pool, layer: LayerTable, day: date, after_id: int) -> Spans:
    since = datetime.combine(day, time(), UTC)
    async with transaction(pool) as connection:
        await connection.execute(BY_KEY)
        rows = await connection.fetch(
            f"""
            SELECT series_id, $1::timestamptz AS since, least($2, {layer.kept_from}) AS until
            FROM series_kept AS kept
            WHERE {layer.kept_from} > $1 AND series_id > $3 AND EXISTS (
                SELECT FROM {layer.table} AS row WHERE row.series_id = kept.series_id
                  AND row.{layer.instant} >= $1
                  AND row.{layer.instant} < least($2, kept.{layer.kept_from}))
            ORDER BY series_id LIMIT $4
            """,  # noqa: S608 - only constants are put together
            since,
            since + timedelta(days=1),
            after_id,
            SERIES_COUNT,
        )
    return Spans.of(rows)
