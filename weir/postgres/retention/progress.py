"""Whether the rollups have every reading of some days: before that, none of them may go.

What arrived while a day was new is in the rollups when `rollup_progress` is well past that day;
what arrived later was noted in `reading_arrival`, with the offset that the rollups must reach.
"""

from datetime import datetime, timedelta

from weir.errors import TransientError
from weir.postgres.pool import Connection
from weir.postgres.retention.layers import RAW, LayerTable

#: Readings of a day are noted when they arrive after the day that follows it; and the clocks of
#: broker, writer and database may differ a little.
_NEW_FOR = timedelta(days=1, hours=1)
#: A stream whose every message is taken has nothing left to wait for, whatever was noted.
_BEHIND = """
    SELECT written.stream, rolled.next_offset IS NULL AS is_unread,
           coalesce(noted.next_offset > rolled.next_offset, false) AS is_late
    FROM stream_offset AS written
    LEFT JOIN stream_offset AS rolled
        ON rolled.consumer = 'aggregates' AND rolled.stream = written.stream
    LEFT JOIN rollup_progress AS progress ON progress.stream = written.stream
    LEFT JOIN (SELECT stream, max(next_offset) AS next_offset FROM reading_arrival
               WHERE day >= $1 AND day < $2 GROUP BY stream) AS noted
        ON noted.stream = written.stream
    WHERE written.consumer = 'measurements' AND written.next_offset > 0
      AND (rolled.next_offset IS NULL
           OR rolled.next_offset < written.next_offset
              AND (coalesce(progress.rolled_until, '-infinity') < $3
                   OR noted.next_offset > rolled.next_offset))
    ORDER BY written.stream LIMIT 1
    """
#: Rollups that somebody wants computed again are computed from what is about to go.
_REQUESTED = """
    SELECT reason FROM rollup_request
    WHERE since < $2 AND until > $1 AND done_until < $2 ORDER BY request_id LIMIT 1
    """
_IS_WRITTEN = """
    SELECT EXISTS (SELECT FROM stream_offset WHERE consumer = 'measurements' AND next_offset > 0)
    """


async def require_rolled_up(
    connection: Connection, layer: LayerTable, since: datetime, until: datetime
) -> None:
    """Return when nobody has anything left to compute from a layer between two instants.

    Levels are computed from one another in one transaction; readings wait for the streams. The
    caller holds the lock of the rollups.

    Raises:
        TransientError: somebody has, or nobody can know; the message says what is waited for.
    """
    reason = await connection.fetchval(_REQUESTED, since, until)
    if reason is not None:
        raise TransientError(f"rollups are being computed again ({reason})")
    if layer is not RAW:
        return
    if not await connection.fetchval(_IS_WRITTEN):
        raise TransientError("no reading has come through a stream: the rollups cannot be trusted")
    # Of rows, the time between two minutes may go; days are what arrivals are noted by.
    days = since.date(), (until + timedelta(days=1, microseconds=-1)).date()
    behind = await connection.fetchrow(_BEHIND, *days, until + _NEW_FOR)
    if behind is None:
        return
    if behind["is_unread"]:
        raise TransientError(f"the consumer aggregates has not begun to read {behind['stream']}")
    what = "late readings" if behind["is_late"] else "readings"
    raise TransientError(
        f"the consumer aggregates has {what} of {behind['stream']} before it, "
        f"of the days before {until:%Y-%m-%d}"
    )
