"""The statement that reads parts of buckets: one SELECT for each segment, put together.

Literals instead of parameters, so that the planner sees which partitions it needs: a year of daily
ones takes it longer to plan than most questions to answer. They are numbers and times, never texts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weir.clock import from_us
from weir.postgres.copied_rows import BIGINT, DOUBLE, INSTANT, INTEGER
from weir.postgres.queries.segments import Segment
from weir.postgres.rollup_buckets import MINUTE_US
from weir.postgres.rollup_statements import SATURATING

#: PostgreSQL refuses sums that are no longer finite; one absurd value must not hide the others.
_ADDEND, _SQUARE = SATURATING.addend.format("value"), SATURATING.square.format("value")
_READING_COLUMNS = {
    "count": "count(*)",
    "sum": f"sum({_ADDEND})",
    "min": "min(value)",
    "max": "max(value)",
    "sum_squares": f"sum({_SQUARE})",
    # A bucket of one reading has no step, and rises by nothing.
    "rise": "coalesce(sum(counter_rise(kind, previous, value)), 0)",
}
#: Time zones are whole quarters of an hour from UTC, so these never reach over a midnight.
LOCAL_STRETCH_US = 15 * MINUTE_US


@dataclass(frozen=True, slots=True)
class PartsQuestion:
    """Which `columns` of which series; `stretch_us`: how much of raw readings makes one part."""

    series_ids: Sequence[int]
    segments: Sequence[Segment]
    columns: Sequence[str]
    stretch_us: int

    @property
    def types(self) -> dict[str, str]:
        """The columns of the answer, as `CopiedRows` takes them."""
        types = {"series_id": INTEGER, "start": INSTANT}
        return types | {each: BIGINT if each == "count" else DOUBLE for each in self.columns}


def parts_statement(questions: Iterable[PartsQuestion]) -> str:
    """Put the SELECTs of all segments together; the questions have the same columns."""
    selects = [
        _of_readings(question, segment) if segment.level is None else _of_level(question, segment)
        for question in questions
        for segment in question.segments
    ]
    return " UNION ALL ".join(selects)


def instant(at_us: int) -> str:
    """Write an instant as a literal."""
    return f"'{from_us(at_us).isoformat()}'::timestamptz"


def ids(series_ids: Iterable[int]) -> str:
    """Write ids as a literal."""
    return f"'{{{','.join(str(int(each)) for each in series_ids)}}}'::integer[]"


def within(question: PartsQuestion, segment: Segment, column: str) -> str:
    """Write the condition for the rows of a segment."""
    return (
        f"series_id = ANY({ids(question.series_ids)}) AND {column} >= {instant(segment.since_us)} "
        f"AND {column} < {instant(segment.until_us)}"
    )


def _of_level(question: PartsQuestion, segment: Segment) -> str:
    assert segment.level is not None  # noqa: S101 - what this is called for
    columns = "".join(
        ", coalesce(rise, 'NaN')" if column == "rise" else f", {column}"
        for column in question.columns
    )
    return (
        f"SELECT series_id, bucket{columns} FROM {segment.level.table} "  # noqa: S608 - our words
        f"WHERE {within(question, segment, 'bucket')}"
    )


def _of_readings(question: PartsQuestion, segment: Segment) -> str:
    # The first and last value are looked up by key: cheaper than sorting what is grouped.
    lookups = {
        "first_value": _lookup("first_at", segment),
        "last_value": _lookup("last_at", segment),
    }
    outer = "".join(f", {lookups.get(column, f'r.{column}')}" for column in question.columns)
    inner = "".join(
        f", {_READING_COLUMNS[column]} AS {column}"
        for column in question.columns
        if column not in lookups
    )
    return f"""
    SELECT r.series_id, r.start{outer} FROM (
        SELECT series_id, start, min(observed_at) AS first_at, max(observed_at) AS last_at{inner}
        FROM ({_stretches(question, segment)}) AS stretch GROUP BY series_id, start
    ) AS r
    """  # noqa: S608 - only words of ours, numbers and instants are put together


def _stretches(question: PartsQuestion, segment: Segment) -> str:
    since = instant(segment.since_us)
    bin_start = (
        f"greatest(date_bin(interval '{question.stretch_us} microseconds', observed_at, "
        f"'2000-01-01Z'), {since})"
    )
    where = within(question, segment, "observed_at")
    if "rise" not in question.columns:
        return (
            f"SELECT series_id, observed_at, value, {bin_start} AS start FROM reading WHERE {where}"  # noqa: S608
        )
    return f"""
        SELECT reading.series_id, observed_at, value, kind, {bin_start} AS start,
               lag(value) OVER (PARTITION BY reading.series_id, {bin_start} ORDER BY observed_at)
               AS previous
        FROM reading JOIN series ON series.series_id = reading.series_id
        WHERE reading.{where}
    """  # noqa: S608


def _lookup(instant_column: str, segment: Segment) -> str:
    # The range says at plan time which partitions can have it.
    return (
        f"(SELECT value FROM reading AS e WHERE e.series_id = r.series_id "  # noqa: S608
        f"AND e.observed_at = r.{instant_column} AND e.observed_at >= {instant(segment.since_us)} "
        f"AND e.observed_at < {instant(segment.until_us)})"
    )
