"""The last value of each series before an instant: what a counter's first rise starts from."""

from collections.abc import Sequence

from weir.postgres.pool import Connection
from weir.postgres.queries.parts import ids, instant
from weir.postgres.queries.segments import GRIDS
from weir.postgres.rollup_statements import Level


async def find_previous(
    connection: Connection, series_ids: Sequence[int], before_us: int, tail_us: int | None
) -> dict[int, float]:
    """Give the value of the last reading before an instant; series without one are left out."""
    rows = await connection.fetch(_statement(series_ids, before_us, tail_us))
    return {series_id: value for series_id, value in rows if value is not None}


def _statement(series_ids: Sequence[int], before_us: int, tail_us: int | None) -> str:
    """Look where it most likely is first: each step is one probe of an index."""
    if tail_us is None:
        probes = [_probe("reading", "observed_at", "value", None, before_us)]
    else:
        rolled_us = min(before_us, tail_us)
        minute, hour, day = (
            GRIDS[level].floor(rolled_us) for level in (Level.MINUTE, Level.HOUR, Level.DAY)
        )
        probes = [
            _probe("reading", "observed_at", "value", minute, before_us),
            _probe("rollup_minute", "bucket", "last_value", hour, minute),
            _probe("rollup_hour", "bucket", "last_value", day, hour),
            _probe("rollup_day", "bucket", "last_value", None, day),
        ]
    return f"""
    SELECT id, coalesce({", ".join(probes)}) FROM unnest({ids(series_ids)}) AS id
    """  # noqa: S608 - only words of ours, numbers and instants are put together


def _probe(table: str, column: str, value: str, since_us: int | None, until_us: int) -> str:
    since = "" if since_us is None else f"AND {column} >= {instant(since_us)}"
    return (
        f"(SELECT {value} FROM {table} WHERE series_id = id {since} "  # noqa: S608
        f"AND {column} < {instant(until_us)} ORDER BY {column} DESC LIMIT 1)"
    )
