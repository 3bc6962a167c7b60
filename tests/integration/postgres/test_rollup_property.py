"""Rollups against DuckDB after any history: late, repeated, corrected, deleted, restarted."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.postgres.rollup_checks import assert_same
from tests.integration.postgres.rollup_oracle import rollups
from tests.integration.postgres.rollup_world import START_US, World
from weir.postgres.pool import open_pool

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

KINDS = {"power": "gauge", "energy": "total_increasing", "balance": "total"}
LEVELS = ("minute", "hour", "day", "site_day")
TIME_ZONE = "Europe/Berlin"
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
class Model:
    """What must be in the database, by field and instant."""

    world: World
    readings: dict[str, dict[int, float]] = field(
        default_factory=lambda: {name: {} for name in KINDS}
    )

    async def store(self, name: str, readings: dict[int, float]) -> None:
        await self.world.store(name, readings)
        self.readings[name] = readings | self.readings[name]

    async def correct(self, name: str, readings: dict[int, float]) -> None:
        await self.world.store(name, readings, is_correction=True)
        self.readings[name] |= readings

    async def repeat(self, index: int) -> None:
        """Send a message again; of a deletion that would be another deletion."""
        batches = [body for body in self.world.messages if body not in self.world.deletions]
        if batches:
            await self._repeat(batches[index % len(batches)])

    async def _repeat(self, body: bytes) -> None:
        name, readings, is_correction = self.world.decoded(body)
        await self.world.write(body)
        kept = self.readings[name]
        self.readings[name] = kept | readings if is_correction else readings | kept

    async def delete(self, name: str, since_us: int, minutes: float) -> None:
        until_us = since_us + round(minutes * 60_000_000)
        await self.world.delete(name, since_us, until_us)
        kept = self.readings[name].items()
        self.readings[name] = {at: value for at, value in kept if not since_us <= at < until_us}

    async def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        await self.world.project()

    async def restart(self) -> None:
        self.world.restart()

    async def check(self) -> None:
        await self.world.settle()
        for name, kind in KINDS.items():
            for level in LEVELS:
                zone = TIME_ZONE if level == "site_day" else "UTC"
                expected = rollups(self.readings[name], level, kind, zone)
                assert_same(expected, await self.world.buckets(level, name))


#: A method of the model, and what it is given.
STEPS = st.one_of(
    st.tuples(st.just("store"), NAMES, READINGS),
    st.tuples(st.just("store"), NAMES, READINGS),
    st.tuples(st.just("correct"), NAMES, READINGS),
    st.tuples(st.just("repeat"), st.integers(0, 20)),
    st.tuples(st.just("delete"), NAMES, INSTANTS, st.sampled_from([0.1, 1.0, 70.0, 3_000.0])),
    st.tuples(st.just("wait"), st.sampled_from([1, 6, 70])),
    st.tuples(st.just("restart")),
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
