"""Delete rows of some series, where others still need their partition; and note what is kept.

In one transaction the rows go, the series are noted to begin later, and the seals of buckets that
late readings had touched are forgotten: what such a bucket is now is all that is known of it. So a
run that is killed at any moment leaves every series as it was or as it is to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from weir.model.limits import OBSERVED_AT_MIN
from weir.postgres.pool import Connection, transaction
from weir.postgres.retention.bounds import SERIES_WITH_BOUNDS, Bounds
from weir.postgres.retention.layers import DAY, LayerTable, below
from weir.postgres.retention.progress import require_rolled_up
from weir.postgres.retention.site_days import carry_site_days
from weir.postgres.rollup_levels import begin

#: Series in one transaction, and rows of all of them, which are gone within a second or two.
SERIES_COUNT = 500
ROW_COUNT = 200_000
#: Somebody holds what a run needs: the next run tries again.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '3s'"
#: The planner cannot know how few rows a series has in a range; reading whole partitions to join
#: them takes minutes where a step in the index of each takes microseconds. What it then thinks that
#: costs would make it compile every statement.
BY_KEY = """
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
    SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off
    """
SPANS = (
    "unnest($1::integer[], $2::timestamptz[], $3::timestamptz[]) AS span (series_id, since, until)"
)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Spans:
    """Of each series the time of which rows are to go."""

    series_ids: Sequence[int]
    sinces: Sequence[datetime]
    untils: Sequence[datetime]

    def __len__(self) -> int:
        return len(self.series_ids)

    @property
    def arguments(self) -> tuple[Sequence[int], Sequence[datetime], Sequence[datetime]]:
        """The three columns, as parameters of a statement."""
        return self.series_ids, self.sinces, self.untils

    @property
    def whole(self) -> tuple[datetime, datetime]:
        """A range that has all spans: partitions outside it are not looked at."""
        return min(self.sinces), max(self.untils)

    @classmethod
    def of(cls, rows: Sequence[asyncpg.Record]) -> "Spans":
        """Take rows with `series_id`, `since` and `until`; empty spans are left out."""
        rows = [row for row in rows if row["since"] < row["until"]]
        return cls(
            [row["series_id"] for row in rows],
            [row["since"] for row in rows],
            [row["until"] for row in rows],
        )


def find_expired(layer: LayerTable) -> str:
    """Find series of which something has expired, as spans, in the order of their numbers.

    Parameters after those of `Bounds`: before when at most, only series that expire as far as this,
    only numbers above, how many.
    """
    lower = below(layer)
    # What is computed from rows that are there still would be computed again, from a part of them.
    limits = ["expiring.until", "$4::timestamptz"]
    limits += [f"coalesce(kept.{lower.kept_from}, '-infinity')"] if lower else []
    until = f"least({', '.join(limits)})"
    return f"""
    SELECT series_id, greatest(kept.{layer.kept_from}, $8::timestamptz) AS since, {until} AS until
    FROM {SERIES_WITH_BOUNDS}
    WHERE expiring.until >= $5 AND coalesce(kept.{layer.kept_from}, '-infinity') < {until}
      AND {until} > $8 AND series_id > $6
    ORDER BY series_id LIMIT $7
    """  # noqa: S608 - only constants are put together


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one transaction did: how many rows went, and whether any series came further."""

    row_count: int
    has_advanced: bool


async def fetch_expired(
    pool: asyncpg.Pool, layer: LayerTable, bounds: Bounds, limits: tuple[datetime, datetime, int]
) -> Spans:
    """Give the next series of which something has expired.

    `limits`: before when at most; only series that expire as far as this; only numbers above this.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        rows = await connection.fetch(
            find_expired(layer), *bounds.arguments, *limits, SERIES_COUNT, OBSERVED_AT_MIN
        )
    return Spans.of(rows)


async def delete_spans(pool: asyncpg.Pool, layer: LayerTable, spans: Spans) -> Deleted:
    """Delete what a layer has in some spans, a bounded number of rows, in one transaction.

    A span that has more is cut; one whose rows the layer below still needs, too.

    Raises:
        TransientError: the rollups do not have everything yet; nothing was deleted.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(LOCK_TIMEOUT)
        await begin(connection)
        share = ROW_COUNT // len(spans)
        cut = Spans.of(await connection.fetch(_cut(layer), *spans.arguments, share))
        if not cut:
            return Deleted(0, has_advanced=False)
        await carry_site_days(connection, layer, cut.arguments)
        row_count = await _delete(connection, layer, cut)
        await note_kept(connection, layer, cut)
        # Only now: it sees at least what the deletion has seen.
        await require_rolled_up(connection, layer, *cut.whole)
        return Deleted(row_count, has_advanced=True)


async def note_kept(connection: Connection, layer: LayerTable, spans: Spans) -> None:
    """Note that the series of some spans begin where those end, and forget seals within."""
    column = layer.kept_from
    await connection.execute(
        f"""
        INSERT INTO series_kept (series_id, {column}) SELECT span.series_id, span.until FROM {SPANS}
        ON CONFLICT (series_id) DO UPDATE SET {column} = excluded.{column}
        WHERE series_kept.{column} < excluded.{column}
        """,  # noqa: S608
        *spans.arguments,
    )
    if layer.above is not None:
        await connection.execute(
            f"""
            DELETE FROM rollup_sealed AS sealed USING {SPANS}
            WHERE level = $4 AND sealed.series_id = span.series_id
              AND bucket >= span.since AND bucket < span.until
            """,  # noqa: S608
            *spans.arguments,
            layer.above.value,
        )


async def _delete(connection: Connection, layer: LayerTable, spans: Spans) -> int:
    row_count = await _delete_from(connection, layer.table, layer.instant, spans)
    if layer is DAY:
        # Days of sites begin up to a day apart from those of UTC: the last one waits for its end.
        earlier = Spans(
            spans.series_ids,
            [since - _ONE_DAY for since in spans.sinces],
            [until - _ONE_DAY for until in spans.untils],
        )
        row_count += await _delete_from(connection, "rollup_site_day", layer.instant, earlier)
    return row_count


async def _delete_from(connection: Connection, table: str, instant: str, spans: Spans) -> int:
    status = await connection.execute(
        f"""
        DELETE FROM {table} AS expired USING {SPANS}
        WHERE expired.series_id = span.series_id
          AND expired.{instant} >= span.since AND expired.{instant} < span.until
          AND expired.{instant} >= $4 AND expired.{instant} < $5
        """,  # noqa: S608
        *spans.arguments,
        *spans.whole,
    )
    return int(status.rsplit(" ", 1)[-1])


def _cut(layer: LayerTable) -> str:
    """Cut spans where enough rows are before, and where the layer below has rows still."""
    lower = below(layer)
    cuts = [
        "span.until",
        f"""(SELECT date_trunc('{layer.cut}', {layer.instant}, 'UTC') + interval '1 {layer.cut}'
             FROM {layer.table} AS row WHERE row.series_id = span.series_id
               AND row.{layer.instant} >= span.since AND row.{layer.instant} < span.until
             ORDER BY row.{layer.instant} OFFSET $4 LIMIT 1)""",  # noqa: S608
    ]
    if lower:
        cuts.append(
            f"""(SELECT date_trunc('day', {lower.instant}, 'UTC')
                 FROM {lower.table} AS row WHERE row.series_id = span.series_id
                   AND row.{lower.instant} >= span.since AND row.{lower.instant} < span.until
                 ORDER BY row.{lower.instant} LIMIT 1)"""  # noqa: S608
        )
    # `least` passes over what is NULL: what has nothing to be cut for.
    return f"SELECT span.series_id, span.since, least({', '.join(cuts)}) AS until FROM {SPANS}"  # noqa: S608
