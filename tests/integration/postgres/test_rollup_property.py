"""Rollups against DuckDB after any history: late, repeated, corrected, deleted, dropped."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.postgres.rollup_checks import assert_same
from tests.integration.postgres.rollup_oracle import rollups
from tests.integration.postgres.rollup_world import START, START_US, World
from weir.clock import to_us
from weir.postgres.pool import open_pool
from weir.postgres.retention.runs import PostgresRetentionStore

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

KINDS = {"power": "gauge", "energy": "total_increasing", "balance": "total"}
LEVELS = ("minute", "hour", "day", "site_day")
TIME_ZONE = "Europe/Berlin"
#: What the first migration keeps readings for.
RAW_AGE = timedelta(days=30)
TABLES = (
    "reading, text_reading, device, journal, stream_offset, rollup_minute, rollup_hour, rollup_day,"
    " rollup_site_day, rollup_sealed, rollup_request, rollup_progress, reading_arrival,"
    " reading_deletion, series_kept"
)

#: Few enough distinct instants that they meet, over three days with a change of clocks in them.
INSTANTS = st.builds(
    lambda day, minute, step: (
        START_US + day * 86_400_000_000 + minute * 60_000_000 + step * 7_000_000
    ),
    st.integers(-1, 1),
    st.sampled_from([0, 1, 59, 60, 61, 119, 700, 1_319, 1_320, 1_439]),
    st.integers(0, 8),
)
VALUES = st.integers(-40, 400).map(lambda tenths: tenths / 10)
NAMES = st.sampled_from(sorted(KINDS))
READINGS = st.dictionaries(INSTANTS, VALUES, min_size=1, max_size=6)


@dataclass
class Field:
    """The readings of one field: those that are there, and those that retention has dropped.

    `dropped` has the instants and values of each minute that were rolled up when they were dropped.
    """

    raw: dict[int, float] = field(default_factory=dict)
    dropped: dict[int, dict[int, float]] = field(default_factory=dict)

    def rolled_up(self) -> dict[int, float]:
        """Give all that the rollups must be made of.

        Of a late reading between the first and the last of a minute that was dropped, nobody can
        know whether it was counted: it is not.
        """
        late = {at: value for at, value in self.raw.items() if not self._is_within_dropped(at)}
        dropped = [readings for readings in self.dropped.values() if readings]
        return late | {at: value for readings in dropped for at, value in readings.items()}

    def drop(self, before_us: int) -> None:
        for at, value in self.rolled_up().items():
            if at < before_us:
                self.dropped.setdefault(_minute(at), {})[at] = value
        self.raw = {at: value for at, value in self.raw.items() if at >= before_us}

    def delete(self, since_us: int, until_us: int) -> None:
        """A minute that was dropped goes when all that it had is deleted, else it stays whole."""
        self.raw = {at: v for at, v in self.raw.items() if not since_us <= at < until_us}
        for readings in self.dropped.values():
            if readings and since_us <= min(readings) and max(readings) < until_us:
                readings.clear()

    def _is_within_dropped(self, at: int) -> bool:
        dropped = self.dropped.get(_minute(at), {})
        return bool(dropped) and min(dropped) <= at <= max(dropped)


@dataclass
class Model:
    """Does what a test says, and knows what must be in the database then."""

    world: World
    fields: dict[str, Field] = field(default_factory=lambda: {name: Field() for name in KINDS})
    retained_day: int = -1

    async def store(self, name: str, readings: dict[int, float]) -> None:
        await self.world.store(name, readings)
        self.fields[name].raw = readings | self.fields[name].raw

    async def correct(self, name: str, readings: dict[int, float]) -> None:
        await self.world.store(name, readings, is_correction=True)
        self.fields[name].raw |= readings

    async def repeat(self, index: int) -> None:
        """Send a message again; of a deletion that would be another deletion."""
        batches = [body for body in self.world.messages if body not in self.world.deletions]
        if not batches:
            return
        body = batches[index % len(batches)]
        name, readings, is_correction = self.world.decoded(body)
        await self.world.write(body)
        kept = self.fields[name].raw
        self.fields[name].raw = kept | readings if is_correction else readings | kept

    async def delete(self, name: str, since_us: int, minutes: float) -> None:
        until_us = since_us + round(minutes * 60_000_000)
        await self.world.delete(name, since_us, until_us)
        self.fields[name].delete(since_us, until_us)

    async def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        await self.world.project()

    async def restart(self) -> None:
        self.world.restart()

    async def retain(self, day: int) -> None:
        """Drop readings from before a day, once the rollups have them all."""
        self.retained_day = max(day, self.retained_day)
        before = START + timedelta(days=self.retained_day)
        clock = self.world.clock
        clock.advance(max(0.0, (before + RAW_AGE - clock.now()).total_seconds()))
        await self.world.settle()
        report = await PostgresRetentionStore(self.world.pool).run(clock.now())
        assert not self.world.messages or () == tuple(report.waits)
        for each in self.fields.values():
            each.drop(to_us(before))
        stored = await self.world.pool.fetchval("SELECT count(*) FROM reading")
        assert sum(len(each.raw) for each in self.fields.values()) == stored

    async def check(self) -> None:
        await self.world.settle()
        for name, kind in KINDS.items():
            readings = self.fields[name].rolled_up()
            for level in LEVELS:
                zone = TIME_ZONE if level == "site_day" else "UTC"
                expected = rollups(readings, level, kind, zone)
                assert_same(expected, await self.world.buckets(level, name))


def _minute(at: int) -> int:
    return at - at % 60_000_000


#: A method of the model, and what it is given.
STEPS = st.one_of(
    st.tuples(st.just("store"), NAMES, READINGS),
    st.tuples(st.just("store"), NAMES, READINGS),
    st.tuples(st.just("correct"), NAMES, READINGS),
    st.tuples(st.just("repeat"), st.integers(0, 20)),
    st.tuples(st.just("delete"), NAMES, INSTANTS, st.sampled_from([0.1, 1.0, 70.0, 3_000.0])),
    st.tuples(st.just("wait"), st.sampled_from([1, 6, 70])),
    st.tuples(st.just("restart")),
    st.tuples(st.just("retain"), st.integers(0, 2)),
)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=1, max_size=12))
def test_rollups_are_those_of_the_readings_that_remain(
    runner: asyncio.Runner, migrated_database_url: str, steps: list[tuple[Any, ...]]
) -> None:
    runner.run(_run(migrated_database_url, steps))


async def _run(url: str, steps: list[tuple[Any, ...]]) -> None:
    async with open_pool(url) as pool:
        model = Model(await _new_world(pool))
        for step in steps:
            await getattr(model, step[0])(*step[1:])
        await model.check()


async def _new_world(pool: asyncpg.Pool) -> World:
    await pool.execute(f"TRUNCATE {TABLES} CASCADE")
    await pool.execute("UPDATE site SET time_zone = $1", TIME_ZONE)
    world = World(pool)
    for name, kind in KINDS.items():
        # The series exist, with their kinds, before anything is rolled up.
        await world.declare(name, kind)
    return world
