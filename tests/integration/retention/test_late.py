"""Late readings for a time that was dropped: rollups go on equalling a recompute of everything."""

import random
from collections.abc import Mapping
from datetime import timedelta

import asyncpg
import pytest

from tests.integration.postgres.rollup_checks import assert_same
from tests.integration.postgres.rollup_oracle import rollups
from tests.integration.postgres.rollup_world import SERIAL, START, START_US, World
from tests.integration.retention.store_room import ADMIN
from weir.clock import to_us
from weir.model.retention import INSTALLATION, Ages, Layer
from weir.ports import RetentionReport
from weir.postgres.retention.policies import change_policy
from weir.postgres.retention.runs import PostgresRetentionStore

pytestmark = pytest.mark.postgres

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
FIELD = "energy"
BERLIN, KOLKATA = "Europe/Berlin", "Asia/Kolkata"
LEVELS = ("minute", "hour", "day", "site_day")


class House(World):
    """A world with retention, and all that was ever measured in it."""

    readings: dict[int, float]
    kind: str
    zone: str

    async def furnish(self, kind: str, zone: str, ages: Ages) -> None:
        """Have six days of a counter that is set to zero now and then, all rolled up."""
        self.kind, self.zone, self.readings = kind, zone, {}
        await self.pool.execute("UPDATE site SET time_zone = $1", zone)
        await change_policy(self.pool, INSTALLATION, ages, (), ADMIN)
        every_17_minutes = range(START_US, START_US + 6 * DAY_US, 17 * MINUTE_US)
        await self.pool.execute(
            "WITH made AS (INSERT INTO device (serial, site_id) SELECT $1, site_id FROM site"
            " RETURNING device_id) INSERT INTO series (device_id, field, kind)"
            " SELECT device_id, $2, $3 FROM made",
            SERIAL,
            FIELD,
            kind,
        )
        await self.take({at: float(at // MINUTE_US % 997) for at in every_17_minutes})
        seventh_day = START + timedelta(days=6, hours=1)
        self.clock.advance((seventh_day - self.clock.now()).total_seconds())
        await self.settle()

    async def take(self, readings: Mapping[int, float]) -> None:
        """Store readings, and roll them up."""
        await self.store(FIELD, readings)
        self.readings |= readings
        await self.settle()

    async def retain(self) -> RetentionReport:
        """Do a run."""
        return await PostgresRetentionStore(self.pool).run(self.clock.now())

    async def assert_rolled_up(self, since: Mapping[str, int]) -> None:
        """Compare every level with a recompute, from its own beginning on."""
        for level in LEVELS:
            is_empty = level == "site_day" and self.zone == "UTC"
            expected = {} if is_empty else rollups(self.readings, level, self.kind, self.zone)
            first = since.get(level, 0)
            assert_same(
                {start: bucket for start, bucket in expected.items() if start >= first},
                {
                    start: bucket
                    for start, bucket in (await self.buckets(level, FIELD)).items()
                    if start >= first
                },
            )

    async def left(self) -> int:
        """Count the readings that are there still."""
        return int(await self.pool.fetchval("SELECT count(*) FROM reading"))


@pytest.fixture
def house(pool: asyncpg.Pool) -> House:
    return House(pool)


every_zone = pytest.mark.parametrize("zone", ["UTC", BERLIN, KOLKATA])
every_kind = pytest.mark.parametrize("kind", ["gauge", "total_increasing"])


def between(first_day: int, last_day: int, offset_min: int) -> dict[int, float]:
    """Give readings in minutes that have none, of all hours of some days."""
    first, last = (START_US + day * DAY_US for day in (first_day, last_day))
    spread = range(first - first % (17 * MINUTE_US), last, 5 * 17 * MINUTE_US)
    start = START_US % (17 * MINUTE_US)
    return {at + start + offset_min * MINUTE_US: at // MINUTE_US % 13 for at in spread}


@every_kind
@every_zone
async def test_late_readings_are_joined_to_what_their_rollups_were(
    house: House, zone: str, kind: str
) -> None:
    await house.furnish(kind, zone, {Layer.RAW: 1, Layer.MINUTE: 90})
    assert [] == (await house.retain()).waits
    kept_count = await house.left()
    assert 0 < kept_count < len(house.readings) / 3
    await house.assert_rolled_up({})

    for offset_min in (3, 7):
        await house.take(between(1, 4, offset_min))
        await house.assert_rolled_up({})
        assert await house.left() > kept_count

        assert [] == (await house.retain()).waits
        assert kept_count == await house.left()
        await house.assert_rolled_up({})
    seals = "SELECT count(*) FROM rollup_sealed WHERE level = 'minute'"
    assert 0 == await house.pool.fetchval(seals)


@every_kind
@every_zone
async def test_a_local_day_that_has_lost_a_part_of_its_hours_or_minutes_stays_right(
    house: House, zone: str, kind: str
) -> None:
    ages = {Layer.RAW: 1, Layer.MINUTE: 3, Layer.HOUR: 3}
    await house.furnish(kind, zone, ages)

    for past_day in (3, 4):
        assert [] == (await house.retain()).waits
        kept = START_US + past_day * DAY_US
        since = {"minute": kept, "hour": kept}
        await house.assert_rolled_up(since)

        # Late, but not as late as what has gone; readings of some of it have.
        await house.take(between(past_day, 6, past_day))
        await house.assert_rolled_up(since)
        await house.retain()
        await house.assert_rolled_up(since)
        house.clock.advance(86_400)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_order_of_late_readings_and_runs_gives_the_same_rollups(
    house: House, seed: int
) -> None:
    chance = random.Random(seed)
    zone = chance.choice([BERLIN, KOLKATA])
    await house.furnish("total_increasing", zone, {Layer.RAW: 1, Layer.MINUTE: 60})
    free = [START_US + n * MINUTE_US for n in range(6 * 1_440) if n % 17]
    for _ in range(12):
        match chance.choice(["late", "late", "retain", "wait", "restart"]):
            case "late":
                some = sorted(chance.sample(free, 40))
                free = [at for at in free if at not in some]
                await house.take({at: chance.uniform(0, 900) for at in some})
            case "retain":
                await house.retain()
            case "wait":
                house.clock.advance(86_400)
            case "restart":
                house.restart()
    await house.retain()
    await house.assert_rolled_up({})
    bound = to_us(house.clock.now()) // DAY_US * DAY_US - DAY_US
    assert sum(at >= bound for at in house.readings) == await house.left()


async def test_a_correction_of_a_reading_that_has_gone_counts_nothing_twice(house: House) -> None:
    await house.furnish("gauge", "UTC", {Layer.RAW: 1, Layer.MINUTE: 90})
    await house.retain()

    await house.store(FIELD, {START_US: 55.5}, is_correction=True)
    await house.settle()
    await house.retain()

    await house.assert_rolled_up({})
    assert SERIAL == await house.pool.fetchval("SELECT serial FROM device")
