"""Note for days that are past up to which offset of a stream they got readings.

Retention drops a day only when the rollups have passed all of its readings, the late ones too.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

from weir.clock import from_us
from weir.postgres.pool import Connection
from weir.postgres.rollup_buckets import DAY_US
from weir.postgres.rows import Rows
from weir.postgres.staging import TextRow

_NOTE = """
    INSERT INTO reading_arrival (day, stream, next_offset)
    SELECT day, $2, $3 FROM unnest($1::date[]) AS day ORDER BY day
    ON CONFLICT (day, stream) DO UPDATE SET next_offset = excluded.next_offset
    """


def past_days(rows: Rows, texts: Iterable[TextRow], now_us: int) -> set[date]:
    """Give the UTC days before yesterday that some readings are of."""
    yesterday_us = now_us - now_us % DAY_US - DAY_US
    days = {at.date() for _, at, _, _ in texts if at < from_us(yesterday_us)}
    if len(rows) and int(rows.observed_at_us.min()) < yesterday_us:
        past = rows.observed_at_us[rows.observed_at_us < yesterday_us]
        days.update(
            from_us(start).date() for start in (np.unique(past // DAY_US) * DAY_US).tolist()
        )
    return days


async def note_arrivals(
    connection: Connection, stream: str, next_offset: int, days: Sequence[date]
) -> None:
    """Note that readings of past days are in the database that come before an offset."""
    if days:
        await connection.execute(_NOTE, days, stream, next_offset)
