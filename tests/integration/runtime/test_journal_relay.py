"""The journal in the stream `journal.all`: everything, in order, whatever is lost on the way."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import psutil
import pytest

from tests.integration.runtime.journal_line import JournalLine
from weir.consumer import JOURNAL
from weir.postgres.claims import open_claims
from weir.postgres.pool import open_pool
from weir.rabbitmq.topology import apply_topology
from weir.runtime.journal_worker import READ_AT_ONCE_COUNT
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]


@pytest.fixture(params=["broker", pytest.param("newest_broker", marks=pytest.mark.newest)])
async def line(
    request: pytest.FixtureRequest, migrated_database_url: str
) -> AsyncIterator[JournalLine]:
    broker: Broker = request.getfixturevalue(request.param)
    await apply_topology(broker.amqp_url, 1)
    async with open_pool(migrated_database_url) as pool:
        yield JournalLine(broker, migrated_database_url, pool)


def first_occurrences(positions: list[int]) -> list[int]:
    """Give what is left for a reader that passes over what is not above the last one."""
    passed: list[int] = []
    for position in positions:
        if not passed or position > passed[-1]:
            passed.append(position)
    return passed


async def positions_of(line: JournalLine) -> list[int]:
    return [document["position"] for _, document in await line.published()]


async def journalled(line: JournalLine) -> list[int]:
    rows = await line.pool.fetch("SELECT position FROM journal ORDER BY position")
    return [row["position"] for row in rows]


async def test_every_event_is_in_the_stream_once_in_order(line: JournalLine) -> None:
    await line.append("pump-1", 0, count=450)
    async with line.relay():
        await eventually(line.is_relayed)
        await line.append("pump-2", 0, count=3)
        await eventually(line.is_relayed)

    assert await journalled(line) == await positions_of(line)
    key, document = (await line.published())[-1]
    assert "journal.device.device_started" == key
    assert document.pop("recorded_at").endswith("Z")
    assert document == {
        "position": await line.end(),
        "entity": "device",
        "entity_id": "pump-2",
        "entity_version": 3,
        "type": "device_started",
        "type_version": 1,
        "data": {"boot_id": 3},
        "actor": "pump-2",
        "correlation_id": "c0ffee",
        "causation_id": None,
    }


async def test_losing_the_connection_that_listens_is_made_up_for(line: JournalLine) -> None:
    async with line.relay():
        await line.append("pump-1", 0)
        await eventually(line.is_relayed)
        ended = await line.pool.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'weir journal' AND datname = current_database()"
        )
        await line.append("pump-1", 1)
        await eventually(line.is_relayed)

    assert 1 == ended
    assert await journalled(line) == first_occurrences(await positions_of(line))


@pytest.mark.slow
async def test_a_relay_that_is_killed_is_followed_by_the_other(line: JournalLine) -> None:
    version = 0

    async def append_for_a_while(count: int) -> None:
        nonlocal version
        for _ in range(count):
            await line.append("pump-1", version, count=20)
            version += 20

    with line.process() as first, line.process() as second:
        await eventually(lambda: are_there(line, 2))
        await append_for_a_while(40)
        appending = asyncio.create_task(append_for_a_while(100))
        victim = first if await holds_claim(line, first.pid) else second
        victim.kill()
        await appending
        await eventually(line.is_relayed)

    positions = await positions_of(line)
    assert await journalled(line) == first_occurrences(positions)
    assert len(positions) - len(set(positions)) <= READ_AT_ONCE_COUNT
    versions = first_versions(await line.published())
    assert all(after == before + 1 for before, after in pairwise(versions))


def first_versions(published: list[tuple[str, dict[str, Any]]]) -> list[int]:
    versions = [
        document["entity_version"] for _, document in published if document["entity_id"] == "pump-1"
    ]
    return first_occurrences(versions)


async def are_there(line: JournalLine, count: int) -> bool:
    async with open_claims(line.database_url, "journal_relay") as claims:
        return await claims.count_workers() == count + 1 and not await claims.try_claim(JOURNAL)


async def holds_claim(line: JournalLine, process_id: int) -> bool:
    """Whether the relay with this process id reads the journal, by the port of its connection."""
    connections = psutil.Process(process_id).net_connections("tcp")
    ports = {connection.laddr.port for connection in connections}
    rows = await line.pool.fetch(
        "SELECT client_port FROM pg_stat_activity "
        "WHERE application_name = 'weir journal' AND datname = current_database()"
    )
    return bool(ports & {row["client_port"] for row in rows})
