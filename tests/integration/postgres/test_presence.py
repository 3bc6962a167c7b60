"""Who is there: rows and events of it, for one device and for many."""

from datetime import datetime, timedelta

import asyncpg
import pytest

from weir.errors import NotFoundError
from weir.events.device_commands import Delete
from weir.events.event import Author
from weir.events.presence import CHANGES_MAX
from weir.model.announcement import Announcement
from weir.model.configuration import StateReport
from weir.model.presence import Patience, Presence, Watch
from weir.postgres.device_changes import change_device
from weir.postgres.devices import PostgresDeviceStore
from weir.postgres.journal_rebuild import rebuild_registry
from weir.postgres.presence import CHANGED_AT_ONCE_MAX, PostgresPresenceStore
from weir.postgres.queries.devices import show_device
from weir.testing.clock import START

pytestmark = pytest.mark.postgres

PATIENCE = Patience(timedelta(minutes=5), timedelta(seconds=10), timedelta(seconds=60))
LONG_AGO = START - timedelta(days=1)
ONLINE = StateReport(is_online=True)
OFFLINE = StateReport(is_online=False)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def watch(until_s: float) -> Watch:
    return Watch(LONG_AGO, at(until_s))


@pytest.fixture
def store(pool: asyncpg.Pool) -> PostgresPresenceStore:
    return PostgresPresenceStore(pool, PATIENCE)


async def changes(pool: asyncpg.Pool, serial: str = "pump-1") -> list[tuple[str, str]]:
    rows = await pool.fetch(
        """
        SELECT type, data ->> 'reason' AS reason FROM journal
        WHERE entity = 'presence' AND entity_id = $1 ORDER BY entity_version
        """,
        serial,
    )
    return [(row["type"], row["reason"]) for row in rows]


async def enrol_many(pool: asyncpg.Pool, count: int, seen_at: datetime) -> None:
    await pool.execute(
        """
        WITH made AS (
            INSERT INTO device (serial, site_id)
            SELECT 'pump-' || number, 1 FROM generate_series(1, $1) AS number RETURNING device_id)
        INSERT INTO device_activity SELECT device_id, $2, $2 FROM made
        """,
        count,
        seen_at,
    )


async def test_a_device_that_says_so_is_there_at_once_and_is_enrolled(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    await store.note_state("pump-1", ONLINE, at(0))

    shown = await show_device(pool, "pump-1")
    assert (Presence.ONLINE, "connected", at(0)) == (
        shown.presence,
        shown.presence_reason,
        shown.presence_changed_at,
    )
    assert [("device_came_online", "connected")] == await changes(pool)
    # An operator's edits are of another entity: nobody's version moves.
    assert 1 == shown.version


async def test_a_last_will_counts_when_nothing_was_heard_since(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    await store.note_state("pump-1", ONLINE, at(0))
    await store.note_state("pump-1", OFFLINE, at(100))

    assert await store.may_have_left(at(100))
    assert 0 == await store.find_left(watch(109))
    assert 1 == await store.find_left(watch(110))
    assert 0 == await store.find_left(watch(111))
    assert ("device_went_offline", "last_will") == (await changes(pool))[-1]


async def test_a_device_that_is_back_within_the_grace_makes_no_event(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    for second in range(0, 100, 10):
        await store.note_state("pump-1", ONLINE, at(second))
        await store.note_state("pump-1", OFFLINE, at(second + 9))
        assert 0 == await store.find_left(watch(second + 9))

    assert 1 == len(await changes(pool))


async def test_a_farewell_counts_at_once(pool: asyncpg.Pool, store: PostgresPresenceStore) -> None:
    await store.note_state("pump-1", StateReport(is_online=True, reported_at=at(0)), at(0))
    await store.note_state("pump-1", StateReport(is_online=False, reported_at=at(9)), at(9))

    assert ("device_went_offline", "farewell") == (await changes(pool))[-1]


async def test_an_announcement_is_a_sign_of_life(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    await PostgresDeviceStore(pool).announce(Announcement("pump-1", "", "", ()), at(0))

    assert 1 == await store.find_come(at(3))
    assert 0 == await store.find_come(at(6))
    assert [("device_came_online", "heard")] == await changes(pool)


async def test_silence_is_as_long_as_the_device_declares(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    await enrol_many(pool, 2, at(0))
    await pool.execute(
        """
        UPDATE device SET capabilities = capabilities || '{"report_interval_ms": 60000}'
        WHERE serial = 'pump-1'
        """
    )
    assert 2 == await store.find_come(at(1))

    assert not await store.may_have_left(at(150))
    assert await store.may_have_left(at(151))
    assert 1 == await store.find_left(watch(151))
    assert 1 == await store.find_left(watch(301))
    assert [("device_came_online", "heard"), ("device_went_offline", "silence")] == await changes(
        pool
    )


async def test_a_fleet_that_falls_silent_while_we_were_away_is_given_time(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    await enrol_many(pool, 20, at(0))
    await store.find_come(at(1))
    back = at(10_000)

    assert 0 == await store.find_left(Watch(back, back + timedelta(seconds=299)))
    await pool.execute(
        "UPDATE device_activity SET last_seen_at = $1 WHERE device_id > 5",
        back + timedelta(seconds=100),
    )
    assert 5 == await store.find_left(Watch(back, back + timedelta(seconds=300.5)))


async def test_many_devices_are_changed_in_bounded_transactions(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    count = 2 * CHANGED_AT_ONCE_MAX + 1
    await enrol_many(pool, count, at(0))

    assert count == await store.find_come(at(1))
    assert {"online": count, "offline": 0, "never_seen": 0} == await store.count()
    assert count == await store.find_left(watch(301))
    sizes = await pool.fetch("SELECT count(*) FROM journal GROUP BY xmin ORDER BY 1")
    assert CHANGED_AT_ONCE_MAX == sizes[-1]["count"]


async def test_a_link_that_flaps_cannot_flood_the_journal(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    for second in range(0, 60, 2):
        clock = (at(second), at(second + 1))
        await store.note_state(
            "pump-1", StateReport(is_online=True, reported_at=clock[0]), clock[0]
        )
        await store.note_state(
            "pump-1", StateReport(is_online=False, reported_at=clock[1]), clock[1]
        )

    assert CHANGES_MAX == len(await changes(pool))
    await store.note_state("pump-1", ONLINE, at(60))
    assert 0 == await store.find_come(at(61))
    # What lasts is told when there is a budget again.
    await store.note_state("pump-1", ONLINE, at(900))
    assert Presence.ONLINE is (await show_device(pool, "pump-1")).presence


async def test_who_is_deleted_is_not_looked_for(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    await store.note_state("pump-1", ONLINE, at(0))
    await change_device(pool, "pump-1", [Delete()], Author("user:ada"))

    assert 0 == await store.find_left(watch(1_000))
    assert {"online": 0, "offline": 0, "never_seen": 0} == await store.count()


async def test_presence_is_what_the_journal_adds_up_to(
    pool: asyncpg.Pool, store: PostgresPresenceStore
) -> None:
    await store.note_state("pump-1", ONLINE, at(0))
    await store.note_state("pump-2", ONLINE, at(0))
    await store.note_state("pump-1", OFFLINE, at(1))
    await store.find_left(watch(20))
    rows = await pool.fetch("SELECT * FROM device_presence ORDER BY device_id")
    await pool.execute("DELETE FROM device_presence")

    (difference, *_) = [found for found in await rebuild_registry(pool) if found.difference_count]
    assert ("device_presence", 2) == (difference.table, difference.difference_count)
    await rebuild_registry(pool, apply=True)

    assert rows == await pool.fetch("SELECT * FROM device_presence ORDER BY device_id")


async def test_nobody_is_shown_who_is_not_there(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFoundError):
        await show_device(pool, "pump-9")
