"""Buckets of series: a page, or all of them as a download.

Parts are read from the levels that the plan names and composed here; what is not asked for is
neither read nor computed.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import asyncpg
import numpy as np

from weir.clock import to_us
from weir.model.query import BucketQuestion, Days, Fill, Function
from weir.postgres.pool import Connection
from weir.postgres.queries._read import snapshot
from weir.postgres.queries.bucket_plan import BucketPlan, Group, check_kept, plan_buckets
from weir.postgres.queries.copying import copy_all
from weir.postgres.queries.parts import PartsQuestion, parts_statement
from weir.postgres.queries.previous import find_previous
from weir.postgres.queries.series import Series
from weir.postgres.queries.text_parts import read_text_parts
from weir.postgres.rollup_buckets import DAY_US, HOUR_US, MINUTE_US
from weir.postgres.rollup_statements import Level
from weir.timeseries.composing import (
    Buckets,
    Counter,
    Parts,
    columns_for,
    compose,
    join,
    no_buckets,
)
from weir.timeseries.filling import fill_gaps

#: Parts read at once: what an answer takes in memory.
PARTS_MAX = 100_000
#: How many times as long the next stretch of a page is when one had too few buckets.
_STRETCH_GROWTH = 4
_PART_US = {
    Level.MINUTE: MINUTE_US,
    Level.HOUR: HOUR_US,
    Level.DAY: DAY_US,
    Level.SITE_DAY: DAY_US,
}


class BucketPosition(NamedTuple):
    """A place in the order of buckets: by start, then series."""

    start_us: int
    series_id: int


async def read_page(
    pool: asyncpg.Pool,
    series: Sequence[Series],
    question: BucketQuestion,
    after: BucketPosition | None,
    limit: int,
) -> Buckets:
    """Give the first `limit` buckets that come behind `after`, by start, then series.

    Raises:
        RequestError: the series do not have an answer to this.
        StoreUnavailableError: try again later.
    """
    async with snapshot(pool) as connection:
        plan = await plan_buckets(connection, series, question)
        check_kept(plan)
        if question.fill is not Fill.NONE:
            found = await _read_filled(connection, plan, plan.groups)
            return _behind(found.by_time(), after).take(slice(limit))
        return await _read_until(connection, plan, after, limit)


async def read_newest(
    pool: asyncpg.Pool, series: Sequence[Series], question: BucketQuestion, limit: int
) -> Buckets:
    """Give the last `limit` buckets, by start, then series.

    Raises:
        RequestError: the series do not have an answer to this.
        StoreUnavailableError: try again later.
    """
    async with snapshot(pool) as connection:
        plan = await plan_buckets(connection, series, question)
        check_kept(plan)
        if question.fill is not Fill.NONE:
            found = await _read_filled(connection, plan, plan.groups)
            return found.by_time().take(slice(-limit, None))
        return await _read_back(connection, plan, limit)


async def download(
    pool: asyncpg.Pool, series: Sequence[Series], question: BucketQuestion
) -> AsyncGenerator[Buckets]:
    """Give all buckets, series after series, a few at a time, from one snapshot.

    Raises:
        RequestError: the series do not have an answer to this; before the first bucket.
        StoreUnavailableError: try again later.
    """
    async with snapshot(pool) as connection:
        plan = await plan_buckets(connection, series, question)
        check_kept(plan)
        since_us, until_us = to_us(question.since), to_us(question.until)
        # The first answer may be empty: it says that the question was right.
        yield no_buckets(question.functions, is_text=plan.is_text)
        for group in plan.groups:
            for some in _few(plan, group):
                if question.fill is not Fill.NONE:
                    yield await _read_filled(connection, plan, [some])
                    continue
                for begin_us, end_us in _stretches(some, since_us, until_us):
                    yield await read_buckets(connection, plan, [some], begin_us, end_us)


async def read_buckets(
    connection: Connection,
    plan: BucketPlan,
    groups: Sequence[Group],
    since_us: int,
    until_us: int,
) -> Buckets:
    """Give the buckets of [since, until) that have readings, group after group, then by series.

    Readings outside do not count, also where a bucket reaches beyond.
    """
    functions = plan.question.functions
    if since_us >= until_us or not groups:
        return join([], functions)
    parts = await _read_parts(connection, plan, groups, since_us, until_us)
    counters: Mapping[int, Counter] = {}
    if Function.RISE in functions:
        counters = await _counters(connection, plan, groups, since_us)
    pieces = []
    for group in groups:
        is_all = len(groups) == 1
        of_group = parts if is_all else parts.take(np.isin(parts.series_ids, group.ids))
        pieces.append(compose(of_group, group.grid, functions, counters))
    return join(pieces, functions)


async def _read_parts(
    connection: Connection,
    plan: BucketPlan,
    groups: Sequence[Group],
    since_us: int,
    until_us: int,
) -> Parts:
    columns = columns_for(plan.question.functions)
    questions = [
        PartsQuestion(
            group.ids, plan.segments(group, since_us, until_us), columns, group.stretch_us
        )
        for group in groups
    ]
    if plan.is_text:
        return await read_text_parts(connection, questions)
    found = await copy_all(connection, parts_statement(questions), questions[0].types)
    return Parts(found.pop("series_id"), found.pop("start"), found)


async def _counters(
    connection: Connection, plan: BucketPlan, groups: Sequence[Group], since_us: int
) -> dict[int, Counter]:
    ids = [series_id for group in groups for series_id in group.ids]
    previous = await find_previous(connection, ids, since_us, plan.tail_us)
    return {
        each.series_id: Counter(each.kind, previous.get(each.series_id, np.nan))
        for group in groups
        for each in group.series
    }


async def _read_filled(
    connection: Connection, plan: BucketPlan, groups: Sequence[Group]
) -> Buckets:
    since_us, until_us = to_us(plan.question.since), to_us(plan.question.until)
    pieces = []
    for group in groups:
        found = await read_buckets(connection, plan, [group], since_us, until_us)
        starts = group.grid.starts(since_us, until_us)
        pieces.append(fill_gaps(found, group.ids, starts, plan.question.fill))
    return join(pieces, plan.question.functions)


async def _read_until(
    connection: Connection, plan: BucketPlan, after: BucketPosition | None, limit: int
) -> Buckets:
    """Read on from a position, a longer stretch each time, until there are enough buckets."""
    begin_us, until_us = to_us(plan.question.since), to_us(plan.question.until)
    if after:
        begin_us = max(begin_us, after.start_us)
    bucket_count = limit // max(len(plan.series), 1) + 2
    found, count = [], 0
    while begin_us < until_us and count < limit:
        end_us = _end_of(plan, begin_us, until_us, bucket_count)
        piece = await read_buckets(connection, plan, plan.groups, begin_us, end_us)
        found.append(_behind(piece.by_time(), after))
        count += len(found[-1])
        begin_us, bucket_count = end_us, bucket_count * _STRETCH_GROWTH
    return join(found, plan.question.functions).take(slice(limit))


async def _read_back(connection: Connection, plan: BucketPlan, limit: int) -> Buckets:
    """Read from the end, a longer stretch back each time, until there are enough buckets."""
    since_us, end_us = to_us(plan.question.since), to_us(plan.question.until)
    bucket_count = limit // max(len(plan.series), 1) + 2
    found: list[Buckets] = []
    while end_us > since_us and sum(map(len, found)) < limit:
        begin_us = _begin_of(plan, end_us, since_us, bucket_count)
        piece = await read_buckets(connection, plan, plan.groups, begin_us, end_us)
        found.insert(0, piece.by_time())
        end_us, bucket_count = begin_us, bucket_count * _STRETCH_GROWTH
    return join(found, plan.question.functions).take(slice(-limit, None))


def _end_of(plan: BucketPlan, begin_us: int, until_us: int, bucket_count: int) -> int:
    end_us = begin_us + bucket_count * plan.width_us
    if end_us >= until_us or not _have_one_grid(plan):
        return until_us
    return plan.groups[0].grid.floor(end_us)


def _begin_of(plan: BucketPlan, end_us: int, since_us: int, bucket_count: int) -> int:
    begin_us = end_us - bucket_count * plan.width_us
    if begin_us <= since_us or not _have_one_grid(plan):
        return since_us
    return max(plan.groups[0].grid.floor(begin_us), since_us)


def _have_one_grid(plan: BucketPlan) -> bool:
    """Whether one instant cuts no bucket of any group; days of several sites are read at once."""
    return plan.question.days is Days.UTC or len(plan.groups) <= 1


def _few(plan: BucketPlan, group: Group) -> Iterator[Group]:
    """Cut a group into some that are small enough to read at once, or have one series."""
    span_us = to_us(plan.question.until) - to_us(plan.question.since)
    count = max(PARTS_MAX * _part_us(group) // max(span_us, 1), 1)
    for begin in range(0, len(group.series), count):
        yield replace(group, series=group.series[begin : begin + count])


def _stretches(group: Group, since_us: int, until_us: int) -> Iterator[tuple[int, int]]:
    """Cut a range where buckets begin, into some that are small enough to read at once."""
    while since_us < until_us:
        end_us = since_us + PARTS_MAX * _part_us(group)
        end_us = until_us if end_us >= until_us else group.grid.floor(end_us)
        yield since_us, end_us
        since_us = end_us


def _part_us(group: Group) -> int:
    return _PART_US[group.ladder[0].level]


def _behind(buckets: Buckets, after: BucketPosition | None) -> Buckets:
    if after is None:
        return buckets
    is_behind = (buckets.starts_us > after.start_us) | (
        (buckets.starts_us == after.start_us) & (buckets.series_ids > after.series_id)
    )
    return buckets.take(is_behind)
