"""Devices that wait for approval: kept aside, let in, nothing lost between."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.integration.postgres.test_readings import batch
from weir.errors import ConflictError, NotFoundError, RefusedItemsError
from weir.events.device import Device
from weir.events.device_commands import Approve, Command, Delete, Disable, Enable, Undelete
from weir.events.event import Author
from weir.ports import Checkpoint, DeadLetter
from weir.postgres.device_changes import change_device
from weir.postgres.enrolment import ADMITTED_AGE_MAX_S, Admission
from weir.postgres.readings import PostgresReadingStore

pytestmark = pytest.mark.postgres

ALICE = Author("user:alice")


async def approve(pool: asyncpg.Pool, serial: str) -> tuple[Device, bool]:
    return await change_device(pool, serial, [Approve()], ALICE)


def held(serial: str, offset: int) -> DeadLetter:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    key = f"sensor.{serial}.measurements"
    return DeadLetter(
        "measurements", "not_approved", "", "stream.0", key, b"body", at, offset, serial=serial
    )


async def test_an_unknown_device_waits_and_a_known_one_does_not(pool: asyncpg.Pool) -> None:
    await PostgresReadingStore(pool).append(Checkpoint("m", "s", 0), 1, [batch({0: 1.0})], [])
    store = PostgresReadingStore(pool, needs_approval=True)

    batches = [batch({1: 1.0}), batch({1: 1.0}, serial="new-1"), batch({2: 1.0})]
    with pytest.raises(RefusedItemsError) as caught:
        await store.append(Checkpoint("m", "s", 1), 2, batches, [])

    assert [1] == list(caught.value.errors)
    assert 1 == await pool.fetchval("SELECT count(*) FROM reading")
    assert "pending" == await pool.fetchval("SELECT state FROM device WHERE serial = 'new-1'")
    await store.append(Checkpoint("m", "s", 1), 2, [batches[0], batches[2]], [held("new-1", 7)])
    assert 3 == await pool.fetchval("SELECT count(*) FROM reading")


async def test_an_approved_device_is_let_in_at_once(pool: asyncpg.Pool) -> None:
    store = PostgresReadingStore(pool, needs_approval=True)
    with pytest.raises(RefusedItemsError):
        await store.append(Checkpoint("m", "s", 0), 1, [batch({0: 1.0})], [])

    assert (await approve(pool, "pump-1"))[1]
    assert not (await approve(pool, "pump-1"))[1]

    await store.append(Checkpoint("m", "s", 0), 1, [batch({0: 1.0})], [])
    events = await pool.fetch(
        "SELECT type, entity_version, actor FROM journal WHERE entity = 'device' ORDER BY position"
    )
    assert [("device_enrolled", 1, "pump-1"), ("device_approved", 2, "user:alice")] == [
        tuple(event) for event in events
    ]


async def test_nobody_can_approve_what_is_not_there(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        await approve(pool, "nobody")


async def test_an_approval_sees_everything_that_was_set_aside(pool: asyncpg.Pool) -> None:
    store = PostgresReadingStore(pool, needs_approval=True)
    with pytest.raises(RefusedItemsError):
        await store.append(Checkpoint("m", "s", 0), 1, [batch({0: 1.0})], [])
    blocker = await pool.acquire()
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("SELECT 1 FROM device WHERE serial = 'pump-1' FOR SHARE")
    approval = asyncio.create_task(approve(pool, "pump-1"))
    while not await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        await asyncio.wait([approval], timeout=0.01)

    assert not approval.done()
    await transaction.rollback()
    await pool.release(blocker)
    assert (await approval)[1]

    # Whoever still thinks that the device waits must look again.
    with pytest.raises(ConflictError):
        await store.append(Checkpoint("m", "s", 0), 1, [], [held("pump-1", 0)])
    assert 0 == await pool.fetchval("SELECT count(*) FROM dead_letter")


@pytest.mark.parametrize(
    ("shut_out", "let_in", "reason"),
    [(Disable(), Enable(), "device_disabled"), (Delete(), Undelete(), "device_deleted")],
    ids=["disabled", "deleted"],
)
async def test_what_a_device_sends_that_is_shut_out_is_refused_until_it_is_let_in(
    pool: asyncpg.Pool, shut_out: Command, let_in: Command, reason: str
) -> None:
    now_s = 0.0
    admission = Admission(pool, monotonic_s=lambda: now_s)
    await PostgresReadingStore(pool).append(Checkpoint("m", "s", 0), 1, [batch({0: 1.0})], [])
    await admission.check(["pump-1", "new-1"])

    await change_device(pool, "pump-1", [shut_out], ALICE)
    await admission.check(["pump-1"])
    now_s += ADMITTED_AGE_MAX_S
    with pytest.raises(RefusedItemsError) as caught:
        await admission.check(["new-1", "pump-1"])
    await change_device(pool, "pump-1", [let_in], ALICE)
    await admission.check(["pump-1"])

    assert {1: reason} == {index: error.reason for index, error in caught.value.errors.items()}


async def test_who_is_let_in_is_asked_for_once(pool: asyncpg.Pool) -> None:
    """The row that tells of changes is looked at once a second, and nothing else after that."""
    now_s = 0.0
    admission = Admission(pool, monotonic_s=lambda: now_s)
    await admission.check(["pump-1", "pump-2"])
    await pool.close()

    await admission.check(["pump-2", "pump-1"])
