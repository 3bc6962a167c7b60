"""A real year of hours gives the same rollups in whatever order it comes.

The years: temperatures of San Francisco (package vega-datasets, `sf-temps.csv`, with one hour twice
where clocks are put back), and the irradiance of Sand Point, Alaska, of the TMY3 data set.
"""

import csv
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import asyncpg
import pvlib
import pytest
import vega_datasets

from tests.integration.postgres.rollup_checks import assert_same
from tests.integration.postgres.rollup_oracle import rollups
from tests.integration.postgres.rollup_world import World
from weir.clock import to_us

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(240)]

SAN_FRANCISCO = Path(vega_datasets.__file__).parent / "_data" / "sf-temps.csv"
SAND_POINT = Path(pvlib.__file__).parent / "data" / "703165TY.csv"
HOUR_COUNT = 8_760
#: Its months are of several years; here they follow one another.
TYPICAL_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
BATCH_COUNT = 1_000
LEVELS = ("minute", "hour", "day")

Year = dict[int, float]


def temperatures() -> Year:
    with SAN_FRANCISCO.open() as file:
        return {
            to_us(datetime.strptime(row["date"] + "+0000", "%Y/%m/%d %H:%M:%S%z")): float(
                row["temp"]
            )
            for row in csv.DictReader(file)
        }


def irradiances() -> Year:
    with SAND_POINT.open() as file:
        next(file)
        return {
            to_us(TYPICAL_YEAR + timedelta(hours=hour)): float(row["GHI (W/m^2)"])
            for hour, row in enumerate(csv.DictReader(file))
        }


def in_order(year: Year) -> list[int]:
    return list(year)


def reversed_(year: Year) -> list[int]:
    return list(reversed(year))


def shuffled(year: Year) -> list[int]:
    return random.Random(7).sample(list(year), len(year))


def second_half_first(year: Year) -> list[int]:
    instants = list(year)
    return instants[HOUR_COUNT // 2 :] + instants[: HOUR_COUNT // 2]


@pytest.mark.parametrize(
    ("read", "order"),
    [
        (temperatures, in_order),
        (temperatures, reversed_),
        (temperatures, second_half_first),
        (irradiances, shuffled),
    ],
)
async def test_a_year_gives_the_same_rollups_in_any_order(
    pool: asyncpg.Pool, read: Callable[[], Year], order: Callable[[Year], list[int]]
) -> None:
    year = read()
    assert len(year) >= HOUR_COUNT - 1
    world = World(pool)
    for batch in batches({instant: year[instant] for instant in order(year)}):
        await world.store("measured", batch)
        await world.project()
        world.clock.advance(6)
    await world.settle()
    for level in LEVELS:
        assert_same(rollups(year, level, "gauge"), await world.buckets(level, "measured"))


def batches(year: Mapping[int, float]) -> Iterator[dict[int, float]]:
    readings = iter(year.items())
    while batch := dict(islice(readings, BATCH_COUNT)):
        yield batch
