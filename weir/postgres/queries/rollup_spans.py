"""Which buckets end in a stretch of a series: those that are stored, and those that should be.

Stretches that follow one another so have every bucket of every level once, however they are cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from weir.clock import from_us, to_us
from weir.postgres.pool import Connection
from weir.postgres.rollup_buckets import DAY_US, HOUR_US, MINUTE_US, Buckets, buckets_of
from weir.postgres.rollup_levels import Step, site_days
from weir.postgres.rollup_statements import Level

#: Readings of one stretch, more only within one minute: some tenths of a second.
READINGS_MAX = 200_000
#: Minutes of one stretch, each of which costs some 40 µs.
_WIDTH_MAX = timedelta(minutes=10_000)
_MINUTE = timedelta(minutes=1)
#: A site's day is longer than that of UTC when its clocks are put back.
_SITE_DAY_MAX = timedelta(hours=26)
#: The first instant from $2 on, and before $3, of which anything is there.
_NEXT = """
    SELECT min(found.at) FROM (
        (SELECT observed_at AS at FROM reading
         WHERE series_id = $1 AND observed_at >= $2 AND observed_at < $3
         ORDER BY observed_at LIMIT 1)
        UNION ALL
        (SELECT bucket FROM rollup_minute WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
         ORDER BY bucket LIMIT 1)
        UNION ALL
        (SELECT bucket FROM rollup_hour WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
         ORDER BY bucket LIMIT 1)
        UNION ALL
        (SELECT bucket FROM rollup_day WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
         ORDER BY bucket LIMIT 1)
        UNION ALL
        (SELECT bucket FROM rollup_site_day WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
         ORDER BY bucket LIMIT 1)
    ) AS found
    """
_MANY_READINGS_LATER = """
    SELECT observed_at FROM reading WHERE series_id = $1 AND observed_at >= $2 AND observed_at < $3
    ORDER BY observed_at OFFSET $4 LIMIT 1
    """
#: Instants that lie in buckets of each level, from $2 on and before $3.
_MINUTES = """
    SELECT date_bin('1 minute', observed_at, '2000-01-01Z') FROM reading
    WHERE series_id = $1 AND observed_at >= $2 AND observed_at < $3
    UNION
    SELECT bucket FROM rollup_minute WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    """
_HOURS = """
    SELECT date_bin('1 hour', bucket, '2000-01-01Z') FROM rollup_minute
    WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    UNION
    SELECT bucket FROM rollup_hour WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    """
_DAYS = """
    SELECT bucket FROM rollup_hour WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    UNION
    SELECT bucket FROM rollup_day WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    """
_FIXED_WIDTHS = {
    Level.MINUTE: (MINUTE_US, _MINUTES),
    Level.HOUR: (HOUR_US, _HOURS),
    Level.DAY: (DAY_US, _DAYS),
}
#: What each level is computed from, None: the readings. (Some days of sites from minutes.)
SOURCES = {
    Level.MINUTE: None,
    Level.HOUR: Level.MINUTE,
    Level.DAY: Level.HOUR,
    Level.SITE_DAY: Level.HOUR,
}
#: Local midnight may be within an hour of UTC.
_SITE_DAYS = """
    SELECT bucket FROM rollup_hour WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    UNION
    SELECT bucket + interval '59 minutes' FROM rollup_hour
    WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    UNION
    SELECT bucket FROM rollup_site_day WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    """
_STORED_SITE_DAYS = """
    SELECT bucket FROM rollup_site_day WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
    """
_OFF_THE_GRID = """
    SELECT bucket FROM {table} WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
      AND bucket <> date_trunc('{level}', bucket, 'UTC')
    """


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a series; a bucket is in it that ends after `since`, and not after `until`."""

    series_id: int
    since: datetime
    until: datetime

    def narrowed(self) -> "Span | None":
        """Give the first part of it, of whole minutes; None: it is a minute already."""
        width = (self.until - self.since) / 8
        until = max(floor(self.since + width, MINUTE_US), floor(self.since, MINUTE_US) + _MINUTE)
        return Span(self.series_id, self.since, until) if until < self.until else None


async def first_instant(
    connection: Connection, series_id: int, since: datetime, until: datetime
) -> datetime | None:
    """Give the first instant from `since` on, and before `until`, of which anything is there."""
    found: datetime | None = await connection.fetchval(_NEXT, series_id, since, until)
    return found


async def next_span(
    connection: Connection, series_id: int, since: datetime, until: datetime
) -> Span:
    """Give a stretch from `since` on with a bounded number of readings; time without any is free.

    It ends at `until` when there is nothing more.
    """
    first = await first_instant(connection, series_id, since, until)
    if first is None:
        return Span(series_id, since, until)
    end = min(floor(first, MINUTE_US) + _WIDTH_MAX, until)
    many = await connection.fetchval(_MANY_READINGS_LATER, series_id, since, end, READINGS_MAX)
    if many is not None:
        end = min(max(floor(many, MINUTE_US), floor(first, MINUTE_US) + _MINUTE), end)
    return Span(series_id, since, end)


async def has_more_readings(connection: Connection, span: Span, count: int) -> bool:
    """Tell whether a stretch has more readings than this."""
    key = (span.series_id, span.since, span.until)
    return await connection.fetchval(_MANY_READINGS_LATER, *key, count) is not None


async def buckets_ending_in(
    connection: Connection, span: Span, level: Level, others: Iterable[datetime]
) -> list[tuple[Step, Buckets]]:
    """Give the buckets of a level, with how they are computed.

    `others`: instants of which the buckets are wanted too, whatever is stored of them.
    """
    if level is Level.SITE_DAY:
        return await _site_days(connection, span, others)
    width_us, statement = _FIXED_WIDTHS[level]
    since, until = floor(span.since, width_us), floor(span.until, width_us)
    if since == until:
        return []
    rows = await connection.fetch(statement, span.series_id, since, until)
    instants = [*(row[0] for row in rows), *others]
    found = buckets_of(((span.series_id, to_us(instant)) for instant in instants), width_us)
    return [(Step(level, SOURCES[level]), _ending_in(span, found))]


async def stray_buckets(connection: Connection, span: Span, level: Level) -> Buckets:
    """Give the stored buckets of a level that begin in it where none can begin.

    A day does that of which the site's clocks know nothing. Where they end cannot be said.
    """
    is_site_day = level is Level.SITE_DAY
    statement = (
        _STORED_SITE_DAYS if is_site_day else _OFF_THE_GRID.format(table=level.table, level=level)
    )
    rows = await connection.fetch(statement, span.series_id, span.since, span.until)
    starts = [row["bucket"] for row in rows]
    if is_site_day:
        known = await site_days(connection, _instants(span.series_id, starts))
        real = {start for _, days in known for start in days.starts}
        starts = [start for start in starts if start not in real]
    return Buckets([span.series_id] * len(starts), starts, [start + _MINUTE for start in starts])


def floor(instant: datetime, width_us: int) -> datetime:
    """Give the start of the bucket of this width that an instant lies in."""
    at_us = to_us(instant)
    return from_us(at_us - at_us % width_us)


async def _site_days(
    connection: Connection, span: Span, others: Iterable[datetime]
) -> list[tuple[Step, Buckets]]:
    since = floor(span.since - _SITE_DAY_MAX, HOUR_US)
    rows = await connection.fetch(_SITE_DAYS, span.series_id, since, span.until)
    touched = _instants(span.series_id, [*(row[0] for row in rows), *others])
    found = await site_days(connection, touched)
    return [(step, _ending_in(span, days)) for step, days in found]


def _instants(series_id: int, instants: Sequence[datetime]) -> Buckets:
    return Buckets([series_id] * len(instants), instants, instants)


def _ending_in(span: Span, buckets: Buckets) -> Buckets:
    return buckets.only(span.since < end <= span.until for end in buckets.ends)
