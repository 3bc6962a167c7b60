"""Make a whole question of what a person leaves out: where the range begins, which resolution."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
import numpy as np

from weir.clock import from_us, to_us
from weir.model.announcement import Kind
from weir.model.query import (
    AUTO_RESOLUTIONS,
    FUNCTIONS,
    POINTS,
    BucketQuestion,
    Days,
    Fill,
    Function,
    Resolution,
    check_range,
)
from weir.postgres.pool import Connection
from weir.postgres.queries._read import snapshot
from weir.postgres.queries.bucket_plan import BucketPlan, plan_buckets, why_not_kept
from weir.postgres.queries.buckets import read_buckets
from weir.postgres.queries.kept import find_tail
from weir.postgres.queries.segments import even_ladder
from weir.postgres.queries.series import Series, tail_literal, which_are_texts

#: The range of a question for series that have no reading.
_NOTHING = timedelta(days=1)
_FIRST = """
    SELECT min(least(
        coalesce((SELECT bucket FROM rollup_day WHERE series_id = id ORDER BY bucket LIMIT 1),
                 (SELECT observed_at FROM reading WHERE series_id = id AND observed_at >= {tail}
                  ORDER BY observed_at LIMIT 1)),
        (SELECT observed_at FROM text_reading WHERE series_id = id ORDER BY observed_at LIMIT 1)))
    FROM unnest($1::integer[]) AS id
    """


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: None and an empty tuple stand for what was left out.

    `is_since_loose`, `is_until_loose`: it was given as a time ago, so that it may lie a little
    earlier where what is finer is not kept any more.
    """

    since: datetime | None = None
    until: datetime | None = None
    is_since_loose: bool = False
    is_until_loose: bool = False
    resolution: Resolution = Resolution.AUTO
    functions: tuple[Function, ...] = ()
    fill: Fill = Fill.NONE
    days: Days = Days.UTC
    max_points: int | None = None


async def settle(
    pool: asyncpg.Pool, series: Sequence[Series], asked: Asked, now: datetime
) -> BucketQuestion:
    """Give the question that is answered; resolution `raw` when readings themselves are meant.

    Left out, a range begins with the first reading that is kept and ends now. `auto` is the finest
    resolution whose buckets are kept and no more than `max_points`; readings, when no function is
    asked for and there are not more.

    Raises:
        RequestError: the range cannot have readings, or a series does not have a function.
        StoreUnavailableError: try again later.
    """
    until = asked.until or now
    if asked.is_until_loose:
        until = _widened(until, series)
    async with snapshot(pool) as connection:
        tail = await find_tail(connection)
        since = asked.since or await _first(connection, series, asked, until, tail)
        check_range(since, until)
        functions = asked.functions or await _usual(connection, series, tail)
        question = BucketQuestion(since, until, asked.resolution, functions, asked.fill, asked.days)
        if asked.is_since_loose or asked.since is None:
            question = replace(question, since=_widened(since, series))
        if asked.resolution is not Resolution.AUTO:
            return question
        return await _choose(connection, series, question, asked)


async def _first(
    connection: Connection,
    series: Sequence[Series],
    asked: Asked,
    until: datetime,
    tail: datetime | None,
) -> datetime:
    statement = _FIRST.format(tail=tail_literal(tail))
    first: datetime | None = await connection.fetchval(
        statement, [each.series_id for each in series]
    )
    if first is None or first >= until:
        return until - _NOTHING
    if asked.resolution in {Resolution.AUTO, Resolution.RAW}:
        return first
    level = even_ladder(asked.resolution.width // timedelta(microseconds=1))[0].level
    kept_from = max(each.kept.at(level) for each in series)
    return max(first, min(kept_from, until - asked.resolution.width))


def _widened(since: datetime, series: Sequence[Series]) -> datetime:
    starts = (each.kept.widened(to_us(since)) for each in series)
    return from_us(min(starts, default=to_us(since)))


async def _choose(
    connection: Connection, series: Sequence[Series], question: BucketQuestion, asked: Asked
) -> BucketQuestion:
    max_points = asked.max_points or POINTS
    span = question.until - question.since
    coarsest = AUTO_RESOLUTIONS[-1]
    candidates = [each for each in AUTO_RESOLUTIONS if span / each.width <= max_points]
    if question.days is Days.SITE:
        candidates = [coarsest]
    for resolution in [*candidates, coarsest]:
        plan = await plan_buckets(connection, series, replace(question, resolution=resolution))
        if resolution is not coarsest and why_not_kept(plan):
            continue
        may_be_raw = not asked.functions and question.fill is Fill.NONE
        if may_be_raw and await _are_few(connection, plan, max_points):
            return replace(question, resolution=Resolution.RAW)
        break
    return plan.question


async def _are_few(connection: Connection, plan: BucketPlan, max_points: int) -> bool:
    """Whether all readings are kept, and of no series more than `max_points`."""
    question = replace(plan.question, functions=(Function.COUNT,))
    if any(question.since < each.kept.raw_from for each in plan.series):
        return False
    counted = replace(plan, question=question)
    since_us, until_us = to_us(question.since), to_us(question.until)
    found = await read_buckets(connection, counted, plan.groups, since_us, until_us)
    counts = np.bincount(
        np.unique(found.series_ids, return_inverse=True)[1], found.columns[Function.COUNT]
    )
    return bool(np.all(counts <= max_points))


async def _usual(
    connection: Connection, series: Sequence[Series], tail: datetime | None
) -> tuple[Function, ...]:
    """Choose functions for a question that names none."""
    texts = await which_are_texts(connection, [each.series_id for each in series], tail)
    if texts and len(texts) == len(series):
        return (Function.COUNT, Function.FIRST, Function.LAST)
    numbers = [each for each in series if each.series_id not in texts]
    if numbers and all(each.kind is not Kind.GAUGE for each in numbers):
        return (Function.RISE, Function.LAST)
    return FUNCTIONS
