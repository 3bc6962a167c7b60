"""Parts of buckets of texts: how many there are, and which come first and last."""

from collections.abc import Iterable

import numpy as np

from weir.clock import to_us
from weir.postgres.pool import Connection
from weir.postgres.queries.parts import PartsQuestion, instant, within
from weir.postgres.queries.segments import Segment
from weir.timeseries.composing import Parts


async def read_text_parts(connection: Connection, questions: Iterable[PartsQuestion]) -> Parts:
    """Give the parts; texts are few, so no level keeps them and each is read."""
    statement = " UNION ALL ".join(
        _statement(question, segment) for question in questions for segment in question.segments
    )
    rows = await connection.fetch(statement)
    texts = {
        name: np.array([row[name] for row in rows], dtype=object)
        for name in ("first_value", "last_value")
    }
    counts = np.array([row["count"] for row in rows], dtype=np.int64)
    return Parts(
        np.array([row["series_id"] for row in rows], dtype=np.int32),
        np.array([to_us(row["start"]) for row in rows], dtype=np.int64),
        {"count": counts, **texts},
    )


def _statement(question: PartsQuestion, segment: Segment) -> str:
    return f"""
    SELECT series_id, start, count(*) AS count,
           (array_agg(value ORDER BY observed_at))[1] AS first_value,
           (array_agg(value ORDER BY observed_at DESC))[1] AS last_value
    FROM (SELECT series_id, observed_at, value,
                 greatest(date_bin(interval '{question.stretch_us} microseconds', observed_at,
                                   '2000-01-01Z'), {instant(segment.since_us)}) AS start
          FROM text_reading WHERE {within(question, segment, "observed_at")}) AS stretch
    GROUP BY series_id, start
    """  # noqa: S608 - only words of ours, numbers and instants are put together
