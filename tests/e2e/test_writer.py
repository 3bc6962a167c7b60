"""The measurement writer as processes: a bad message among many, and the death of one of two."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from tests.chaos.links import Link, open_link
from tests.chaos.stream_log import mark_ends, read_log
from tests.integration.runtime.pipeline import body
from weir.embedded.process import ProcessSpec
from weir.paths import ROOT
from weir.postgres.pool import open_pool
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually
from weir.testing.servers import running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.rabbitmq,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

STORE_TIMEOUT_S = 90.0
MESSAGE_COUNT = 10_000
BAD_INDEX = 6_543
#: The only value that the database refuses, in the test that makes it do so.
REFUSED_VALUE = 666.0
WINDOW = 500
#: Devices enough for every partition to have some.
SERIALS = [f"pump-{number}" for number in range(12)]
TAKE_OVER_S_MAX = 5.0


@dataclass(frozen=True)
class Site:
    """A broker and a database, and what can be asked of them."""

    broker: Broker
    database_url: str
    pool: asyncpg.Pool
    logs: Path

    def writer(self, number: int, *, partition_count: int) -> ProcessSpec:
        others = {name: value for name, value in os.environ.items() if name[:5] != "WEIR_"}
        environ = {
            **others,
            "WEIR_AMQP_URL": self.broker.amqp_url,
            "WEIR_STREAM_URL": self.broker.stream_url,
            "WEIR_POSTGRES_URL": self.database_url,
            "WEIR_PARTITION_COUNT": str(partition_count),
        }
        argv = (sys.executable, "-m", "weir", "run", "measurements")
        return ProcessSpec(f"writer-{number}", argv, environ, ROOT)

    async def has_stored(self, count: int) -> bool:
        return bool(await self.pool.fetchval("SELECT count(*) FROM reading") >= count)

    async def has_read(self, count: int) -> bool:
        return sum((await self.checkpoints()).values()) == count

    async def checkpoints(self) -> dict[str, int]:
        rows = await self.pool.fetch("SELECT stream, next_offset FROM stream_offset")
        return {row["stream"]: row["next_offset"] for row in rows}

    async def all_moved(self, before: dict[str, int]) -> bool:
        """Whether every partition has gone on."""
        now = await self.checkpoints()
        return all(now[stream] > offset for stream, offset in before.items())

    async def reads_partitions(self, count: int) -> bool:
        return len(await self.checkpoints()) == count

    async def both_have_partitions(self) -> bool:
        held = await self.pool.fetchval(
            "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND mode = 'ExclusiveLock' AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(held == 2)


@pytest.fixture
async def site(broker: Broker, migrated_database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_pool(migrated_database_url) as pool:
        yield Site(broker, migrated_database_url, pool, tmp_path)


@pytest.mark.parametrize(
    ("bad_body", "reason"),
    [
        pytest.param(b"\xff\xff bad", "undecodable", id="undecodable"),
        pytest.param(body(BAD_INDEX, [REFUSED_VALUE]), "rejected_by_store", id="refused"),
    ],
)
async def test_one_bad_message_in_ten_thousand_is_the_only_one_that_is_not_stored(
    site: Site, bad_body: bytes, reason: str
) -> None:
    await apply_topology(site.broker.amqp_url, 1)
    refuse = f"ALTER TABLE reading ADD CONSTRAINT refuse CHECK (value <> {REFUSED_VALUE})"
    await site.pool.execute(refuse)
    bodies = [body(index, [float(index % 100)]) for index in range(MESSAGE_COUNT)]
    bodies[BAD_INDEX] = bad_body
    with running(site.writer(1, partition_count=1), logs=site.logs) as (process,):
        async with open_link(site.broker.amqp_url, "test") as link:
            await publish(link, bodies)
        await eventually(partial(site.has_stored, MESSAGE_COUNT - 1), STORE_TIMEOUT_S)
        await eventually(partial(site.has_read, MESSAGE_COUNT), STORE_TIMEOUT_S)
        assert process.exit_code is None

    letters = await site.pool.fetch("SELECT reason, source_offset, body FROM dead_letter")
    assert [(reason, BAD_INDEX, bad_body)] == [tuple(letter) for letter in letters]
    assert MESSAGE_COUNT - 1 == await site.pool.fetchval("SELECT count(*) FROM reading")


async def test_when_one_of_two_writers_is_killed_the_other_takes_over_and_all_is_stored(
    site: Site,
) -> None:
    await apply_topology(site.broker.amqp_url, 3)
    specs = [site.writer(number, partition_count=3) for number in (1, 2)]
    with running(*specs, logs=site.logs) as writers:
        await eventually(site.both_have_partitions)
        is_enough = asyncio.Event()
        async with open_link(site.broker.amqp_url, "test") as link:
            publishing = asyncio.create_task(publish_until(is_enough, link))
            await eventually(partial(site.has_stored, 100))
            os.kill(writers[0].pid, signal.SIGKILL)
            killed_at = time.monotonic()
            before = await site.checkpoints()
            assert 3 == len(before)
            await eventually(partial(site.all_moved, before), STORE_TIMEOUT_S)
            take_over_s = time.monotonic() - killed_at
            is_enough.set()
            published_count = await publishing
        await eventually(partial(site.has_read, published_count), STORE_TIMEOUT_S)
        assert writers[1].exit_code is None

    assert take_over_s <= TAKE_OVER_S_MAX
    assert published_count == await site.pool.fetchval("SELECT count(*) FROM reading")
    assert 0 == await site.pool.fetchval("SELECT count(*) FROM dead_letter")


async def test_partitions_are_added_at_work_and_each_device_stays_in_order(site: Site) -> None:
    await apply_topology(site.broker.amqp_url, 1)
    old, *new = (site.writer(number, partition_count=3 if number else 1) for number in range(3))
    is_enough = asyncio.Event()
    async with open_link(site.broker.amqp_url, "test") as link:
        with running(old, logs=site.logs) as (process,):
            publishing = asyncio.create_task(publish_until(is_enough, link))
            await eventually(partial(site.has_stored, 100), STORE_TIMEOUT_S)
            await apply_topology(site.broker.amqp_url, 3)
            # The old one still reads its partition; nobody reads the new ones yet.
            before = await site.checkpoints()
            await eventually(partial(site.all_moved, before), STORE_TIMEOUT_S)
            process.stop(STORE_TIMEOUT_S)
        with running(*new, logs=site.logs) as writers:
            await eventually(partial(site.reads_partitions, 3), STORE_TIMEOUT_S)
            before = await site.checkpoints()
            await eventually(partial(site.all_moved, before), STORE_TIMEOUT_S)
            is_enough.set()
            published_count = await publishing
            await eventually(partial(site.has_read, published_count), STORE_TIMEOUT_S)
            assert [None, None] == [writer.exit_code for writer in writers]

    assert published_count == await site.pool.fetchval("SELECT count(*) FROM reading")
    assert 0 == await site.pool.fetchval("SELECT count(*) FROM dead_letter")
    await mark_ends(site.broker.amqp_url, 3)
    log = [entry for entry in await read_log(site.broker.stream_url, 3) if entry.routing_key]
    places: dict[str, list[str]] = {}
    sequences: dict[str, list[int]] = {}
    numbers = {body(number, [1.0]): number for number in range(published_count)}
    for entry in log:
        if entry.body in numbers:
            places.setdefault(entry.routing_key, []).append(entry.stream)
            sequences.setdefault(entry.routing_key, []).append(numbers[entry.body])
    # The streams are read one after another, the old one first: a device that has moved did so
    # once, and what it sent before is all in the old stream.
    assert len(SERIALS) == len(sequences)
    assert all(sorted(each) == each for each in sequences.values())
    assert 1 < max(len(set(each)) for each in places.values()) <= 2


async def publish(link: Link, bodies: Sequence[bytes]) -> None:
    """Publish in order, a window at a time."""
    for start in range(0, len(bodies), WINDOW):
        window = bodies[start : start + WINDOW]
        await asyncio.gather(*(link.send(SERIALS[0], "measurements", one) for one in window))


async def publish_until(is_enough: asyncio.Event, link: Link) -> int:
    """Publish one reading after another, of each device in turn; gives their number."""
    sent_count = 0
    while not is_enough.is_set():
        serial = SERIALS[sent_count % len(SERIALS)]
        await link.send(serial, "measurements", body(sent_count, [1.0]))
        sent_count += 1
    return sent_count
