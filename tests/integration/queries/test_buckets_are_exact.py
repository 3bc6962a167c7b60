"""Buckets of any readings, over any range, however far the rollups are: what pandas says."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.queries.filling import Filled, fill, forget, named, roll
from tests.integration.queries.oracle import expected
from weir.clock import from_us, to_us
from weir.model.announcement import Kind
from weir.model.query import BucketQuestion, Days, Function, Resolution
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.postgres.queries.buckets import BucketPosition, download, read_newest, read_page
from weir.postgres.queries.series import Series
from weir.timeseries.composing import Buckets, join

pytestmark = pytest.mark.postgres

#: Clocks go forward in Berlin on the second day, and St. John's is half an hour off.
BEGIN_US = to_us(datetime(2026, 3, 28, tzinfo=UTC))
SPAN_US = int(timedelta(days=4) / timedelta(microseconds=1))
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns")
RESOLUTIONS = [each for each in Resolution if each not in {Resolution.RAW, Resolution.AUTO}]
HOUR_US = 3_600_000_000
#: Where buckets begin and end is where mistakes are.
OFFSETS_US = (0, 1, 30_000_000, 59_999_999, 60_000_000, 1_800_000_000, HOUR_US - 1)
READING_COUNT_MAX = 150
EXAMPLE_COUNT = 60
PAGE_SIZE = 50


@dataclass(frozen=True)
class Situation:
    """What is stored, how far it is rolled up, and what is asked."""

    series: tuple[Filled, ...]
    zones: tuple[str, str]
    rolled_until: datetime | None
    question: BucketQuestion


def instant(rng: random.Random) -> int:
    if rng.random() < 0.5:
        return BEGIN_US + rng.randrange(SPAN_US)
    return BEGIN_US + rng.randrange(SPAN_US // HOUR_US) * HOUR_US + rng.choice(OFFSETS_US)


def readings(rng: random.Random) -> dict[int, float]:
    """Give few or many readings; also small values, so that counters fall a little and by much."""
    count = rng.choice((0, 1, READING_COUNT_MAX, rng.randrange(READING_COUNT_MAX)))
    small = rng.random() < 0.5
    return {
        instant(rng): float(rng.randrange(20)) if small else rng.uniform(-1e6, 1e6)
        for _ in range(count)
    }


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    # Data by a seed: hypothesis by itself makes little of it, which few buckets would show.
    rng = random.Random(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(Kind))
    series = tuple(
        Filled(serial, field, kind, readings(rng))
        for serial, field in (("A", "a"), ("A", "b"), ("B", "a"))
    )
    since, until = sorted((instant(rng), instant(rng)))
    resolution = draw(st.sampled_from(RESOLUTIONS))
    days = draw(st.sampled_from(Days)) if resolution is Resolution.DAY else Days.UTC
    functions = tuple(f for f in Function if kind is not Kind.GAUGE or f is not Function.RISE)
    is_rolled = draw(st.sampled_from((True, True, True, False)))
    return Situation(
        series,
        (draw(st.sampled_from(ZONES)), draw(st.sampled_from(ZONES))),
        from_us(instant(rng)) if is_rolled else None,
        BucketQuestion(from_us(since), from_us(until + 1), resolution, functions, days=days),
    )


def check_that_answers_are_exact(url: str) -> None:
    @settings(
        max_examples=EXAMPLE_COUNT,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        database=None,
    )
    @given(situations())
    def check(situation: Situation) -> None:
        runner.run(check_situation(pool, situation))

    with asyncio.Runner() as runner, opened(runner, url) as pool:
        check()


@contextmanager
def opened(runner: asyncio.Runner, url: str) -> Iterator[asyncpg.Pool]:
    context = open_pool(url)
    pool = runner.run(context.__aenter__())
    try:
        yield pool
    finally:
        runner.run(context.__aexit__(None, None, None))


async def check_situation(pool: asyncpg.Pool, situation: Situation) -> None:
    async with pool.acquire() as connection:
        await forget(connection)
        for stored in situation.series:
            await fill(connection, stored, situation.zones["AB".index(stored.serial)])
        if situation.rolled_until:
            await roll(connection, situation.rolled_until)
    series = await named(pool, situation.series)
    question = situation.question
    pieces = [piece async for piece in download(pool, series, question)]
    found = join(pieces, question.functions)
    for each, stored in zip(series, situation.series, strict=True):
        compare(found.take(found.series_ids == each.series_id), each, stored, question)
    in_order = found.by_time()
    assert_same(in_order, await read_by_pages(pool, series, question, limit=PAGE_SIZE))
    newest = await read_newest(pool, series, question, 5)
    assert_same(in_order.take(slice(-5, None)), newest)


async def read_by_pages(
    pool: asyncpg.Pool, series: Sequence[Series], question: BucketQuestion, limit: int
) -> Buckets:
    pages = []
    after = None
    while True:
        page = await read_page(pool, series, question, after, limit)
        pages.append(page)
        if len(page) < limit:
            return join(pages, question.functions)
        after = BucketPosition(int(page.starts_us[-1]), int(page.series_ids[-1]))


def compare(found: Buckets, series: Series, stored: Filled, question: BucketQuestion) -> None:
    zone = series.time_zone if question.days is Days.SITE else "UTC"
    right = expected(stored, question.since, question.until, question.resolution, zone)
    assert list(right.index) == found.starts_us.tolist()
    # Squares of values of a million, in doubles: the last digits of their difference are noise.
    tolerance = {Function.STDDEV: 1.0, Function.SUM: 1e-3, Function.AVG: 1e-3, Function.RISE: 1e-3}
    for function in question.functions:
        np.testing.assert_allclose(
            found.columns[function].astype(float),
            right[function].to_numpy(dtype=float),
            rtol=1e-9,
            atol=tolerance.get(function, 0.0),
            err_msg=function,
        )


def assert_same(left: Buckets, right: Buckets) -> None:
    assert left.starts_us.tolist() == right.starts_us.tolist()
    assert left.series_ids.tolist() == right.series_ids.tolist()
    for function, column in left.columns.items():
        np.testing.assert_allclose(column, right.columns[function], rtol=1e-9, atol=1.0)


def test_they_are_on_plain_partitions(migrated_database_url: str) -> None:
    check_that_answers_are_exact(migrated_database_url)


@pytest.mark.newest
@pytest.mark.slow
def test_they_are_on_hypertables(newest_database_url: str) -> None:
    asyncio.run(migrate(newest_database_url))
    check_that_answers_are_exact(newest_database_url)
