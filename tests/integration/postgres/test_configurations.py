"""Who gets a configuration, when, and how often at most."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from weir.errors import ConflictError
from weir.events.configuration import Configuration, Desire
from weir.events.device_commands import Disable, Enable
from weir.events.event import Author
from weir.model.announcement import Announcement
from weir.model.configuration import ReportedConfiguration, hash_of
from weir.postgres.configuration_delivery import (
    DUE_AT_ONCE_MAX,
    RESEND_MAX,
    RESEND_MIN,
    WANT,
)
from weir.postgres.configuration_state import read_configuration
from weir.postgres.configurations import PostgresConfigurationStore, change_configuration
from weir.postgres.device_changes import change_device
from weir.postgres.devices import PostgresDeviceStore
from weir.postgres.journal_rebuild import rebuild_registry
from weir.testing.clock import START
from weir.testing.conditions import eventually

pytestmark = pytest.mark.postgres

ADA = Author("user:ada")
FAST: dict[str, Any] = {"sample_rate_hz": 50}
SLOW: dict[str, Any] = {"sample_rate_hz": 1}
RESEND_MIN_S = RESEND_MIN.total_seconds()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
async def store(pool: asyncpg.Pool) -> PostgresConfigurationStore:
    await PostgresDeviceStore(pool).announce(Announcement("pump-1", "", "", ()), START)
    return PostgresConfigurationStore(pool)


async def desire(pool: asyncpg.Pool, document: dict[str, Any], serial: str = "pump-1") -> None:
    await change_configuration(pool, serial, lambda _: Desire(document), ADA)


async def report(
    store: PostgresConfigurationStore, second: float, version: int, runs: Any, **more: Any
) -> None:
    reported = ReportedConfiguration(version, hash_of(runs), **more)
    await store.note_report("pump-1", reported, at(second))


async def send(store: PostgresConfigurationStore, second: float) -> list[int]:
    """Publish what is due; gives the versions."""
    found = await store.due(at(second))
    await store.note_sent(found, at(second))
    return [each.message.version for each in found]


async def test_a_new_version_is_due_at_once_and_only_the_latest(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    await desire(pool, SLOW)

    assert [2] == await send(store, 0)
    assert [] == await send(store, 1)


async def test_a_device_that_comes_back_older_gets_it_again_but_not_in_a_flood(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    sent_at = [second for second in range(7_200) if await _older_comes_back(store, second)]

    gaps = [later - earlier for earlier, later in pairwise(sent_at)]
    assert [30, 60, 120, 240, 480, 960, 1_920] == gaps[:7]
    assert all(gap <= RESEND_MAX.total_seconds() for gap in gaps)


async def _older_comes_back(store: PostgresConfigurationStore, second: int) -> bool:
    # Only now and then, else the test would take its time: each step is two transactions.
    if second % 30 == 0:
        await report(store, second, 0, {})
        return bool(await send(store, second))
    return False


async def test_a_new_version_does_not_wait_for_the_old_ones_turn(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    for second in (0, RESEND_MIN_S):
        await report(store, second, 0, {})
        await send(store, second)
    await desire(pool, SLOW)

    assert [2] == await send(store, RESEND_MIN_S + 1)


async def test_a_refused_version_is_not_sent_again(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    await send(store, 0)
    await report(store, 1, 0, {}, rejected_version=1, error="no")

    await store.want(["pump-1"], at(5_000))
    assert [] == await send(store, 10_000)
    await desire(pool, SLOW)
    assert [2] == await send(store, 10_000)


async def test_who_runs_it_gets_nothing(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    await report(store, 1, 1, FAST)
    await store.want(["pump-1", "nobody"], at(5_000))

    assert [] == await send(store, 10_000)


async def test_who_is_shut_out_gets_it_when_it_is_let_in(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await change_device(pool, "pump-1", [Disable()], ADA)
    await desire(pool, FAST)
    assert [] == await send(store, 0)

    await change_device(pool, "pump-1", [Enable()], ADA)
    await store.want(["pump-1"], at(1))
    assert [1] == await send(store, 1)


async def test_what_changes_while_it_is_published_stays_due(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    found = await store.due(at(0))
    await desire(pool, SLOW)
    await store.note_sent(found, at(0))

    assert [2] == await send(store, 0)


async def test_an_occasion_that_comes_while_another_is_settled_is_not_lost(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    await report(store, 0, 1, FAST)
    await store.want(["pump-1"], at(1))
    async with pool.acquire() as connection, connection.transaction():
        # Somebody is about to say that it runs something older: what is due looks needless still.
        await connection.execute("SELECT FROM configuration_delivery FOR UPDATE")
        settling = asyncio.create_task(store.due(at(2)))
        await eventually(lambda: waits_for_lock(pool))
        await connection.execute(WANT, at(2), ["pump-1"])
    assert [] == await settling
    await pool.execute("UPDATE device_configuration SET reported_hash = 'sha256:older'")

    assert [1] == await send(store, 2)


async def waits_for_lock(pool: asyncpg.Pool) -> bool:
    return bool(
        await pool.fetchval(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE wait_event_type = 'Lock' AND datname = current_database()
            """
        )
    )


async def test_what_is_published_while_there_is_another_occasion_is_sent_again_later(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    found = await store.due(at(0))
    await report(store, 0, 0, {})
    await store.note_sent(found, at(0))

    assert [] == await send(store, 1)
    assert [1] == await send(store, RESEND_MIN_S)


async def test_a_report_too_many_is_taken_note_of_later(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    for number in range(40):
        await report(store, number, number % 3, {"n": number})
    await report(store, 41, 9, {"n": 9})
    shown = (await read_configuration(pool, "pump-1")).configuration.reported
    assert shown is not None
    assert 9 != shown.version

    assert 1 == await store.note_waiting(at(42))
    assert 0 == await store.note_waiting(at(1_000))
    assert 0 == await store.note_waiting(at(1_001))
    shown = (await read_configuration(pool, "pump-1")).configuration.reported
    assert ReportedConfiguration(9, hash_of({"n": 9})) == shown


async def test_a_round_of_deliveries_is_bounded(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    await pool.execute(
        "INSERT INTO device (serial, site_id) SELECT 'd' || n, 1 FROM generate_series(1, $1) n",
        DUE_AT_ONCE_MAX,
    )
    await pool.execute(
        """
        INSERT INTO device_configuration
        SELECT device.device_id, version, document, hash, 0, '', NULL, 0, '', NULL, 0, 0, 20, 1
        FROM device, device_configuration AS wanted WHERE serial LIKE 'd%'
        """
    )
    await store.want([f"d{n}" for n in range(1, DUE_AT_ONCE_MAX + 1)], at(0))

    counts = [len(await send(store, 0)) for _ in range(3)]

    assert [DUE_AT_ONCE_MAX, 1, 0] == counts


async def test_an_edit_that_was_overtaken_is_refused(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    assert store is not None
    overtaken = False

    def make(configuration: Configuration) -> Desire:
        nonlocal overtaken
        overtaken = configuration.wanted.version == 0
        return Desire(SLOW)

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM device FOR NO KEY UPDATE")
        edit = asyncio.create_task(change_configuration(pool, "pump-1", make, ADA))
        await eventually(lambda: overtaken)
        await connection.execute(
            """
            INSERT INTO device_configuration
            SELECT device_id, 1, '{}', 'sha256:x', 0, '', NULL, 0, '', NULL, 0, 0, 20, 1 FROM device
            """
        )
    with pytest.raises(ConflictError, match="meanwhile"):
        await edit


async def test_configurations_are_what_the_journal_adds_up_to(
    pool: asyncpg.Pool, store: PostgresConfigurationStore
) -> None:
    await desire(pool, FAST)
    await report(store, 1, 1, FAST)
    await report(store, 2, 0, SLOW, document=SLOW)
    await desire(pool, {"é": [1.5, None, {"a": True}]})
    rows = await pool.fetch("SELECT * FROM device_configuration")
    assert [] == [found for found in await rebuild_registry(pool) if found.difference_count]
    await pool.execute("DELETE FROM device_configuration")

    await rebuild_registry(pool, apply=True)

    assert rows == await pool.fetch("SELECT * FROM device_configuration")
