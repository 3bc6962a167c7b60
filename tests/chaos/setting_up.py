"""Bring a run's system up for the first time, while it is being shot at."""

import asyncio
import random
from functools import partial

from tests.chaos.services import Process, through
from tests.chaos.traps import DECLARE, trap
from tests.chaos.world import World
from weir.embedded.postgres_cluster import OWNER, SUPERUSER
from weir.errors import BrokerUnavailableError
from weir.postgres.roles import Role, prepare_database
from weir.rabbitmq.management import open_management
from weir.rabbitmq.topology import apply_topology

#: What the migrations have at several places; the last one is sent after each of them.
_MIGRATION_MOMENTS = (
    b"CREATE TABLE device",
    b"CREATE TABLE stream_offset",
    b"CREATE TABLE dead_letter",
    b"INSERT INTO migration",
)
_MIGRATION_COUNT = 2
_RETRY_S = 0.3
#: A run has some hundred thousand bytes in each stream.
_SEGMENT_BYTES = 50_000
_SET_UP_TIMEOUT_S = 120.0


async def set_up(world: World) -> None:
    """Start the servers and the consumers; returns when devices may publish."""
    rng = random.Random(f"{world.shape.seed}/set-up")
    async with asyncio.timeout(_SET_UP_TIMEOUT_S):
        await world.open_proxies()
        await world.broker.mapper.start()
        await asyncio.gather(world.broker.start(), world.database.start())
        world.note("servers are up")
        await _make_roles(world)
        await _migrate(world, rng)
        await _shorten_segments(world)
        await _declare(world, rng)
        for consumer in world.consumers:
            consumer.start()
        await _apply_topology(world)
    world.note("set up")


async def _shorten_segments(world: World) -> None:
    """Let streams begin segments as often as in a week of full load."""
    definition = {"stream-max-segment-size-bytes": _SEGMENT_BYTES}
    policy = {"pattern": "", "apply-to": "queues", "definition": definition}
    async with open_management(world.broker.node.management_url) as management:
        await management.put("policies/%2f/short-segments", policy)


async def _make_roles(world: World) -> None:
    server = world.database.postgres
    passwords = {role: server.password(role) for role in (Role.OWNER, Role.APP)}
    await prepare_database(server.url(SUPERUSER), passwords)


async def _migrate(world: World, rng: random.Random) -> None:
    """Kill the first attempt or its database, then let two attempts race to the end."""
    migrations = [_migration(world, number) for number in range(_MIGRATION_COUNT)]
    first = migrations[0]
    kill = rng.choice((first.kill, world.database.kill, world.database.kill_alone))
    first.start()
    proxy = world.writers[0].proxies.postgres
    is_sprung = await trap(proxy, rng.choice(_MIGRATION_MOMENTS), kill)
    world.note("killed during migration" if is_sprung else "the migration was faster")
    first.kill()
    await asyncio.to_thread(first.reap)
    world.database.kill()
    await world.database.start()
    await asyncio.gather(*(_run_to_end(migration) for migration in migrations))


def _migration(world: World, number: int) -> Process:
    url = through(world.writers[0].proxies.postgres, world.database.postgres.url(OWNER))
    return Process(
        f"migrate-{number}", ("weir", "migrate"), world.folder, {"WEIR_POSTGRES_URL": url}
    )


async def _run_to_end(migration: Process) -> None:
    while True:
        migration.start()
        await asyncio.to_thread(migration.reap)
        if migration.exit_code == 0:
            return
        await asyncio.sleep(_RETRY_S)


async def _declare(world: World, rng: random.Random) -> None:
    """Kill the broker while the first writer declares the topology for the first time."""
    writer = rng.choice(world.writers)
    writer.start()
    is_sprung = await trap(writer.proxies.amqp, DECLARE, world.broker.kill)
    world.note("killed the broker during the declaration" if is_sprung else "nothing was declared")
    world.broker.kill()
    await world.broker.start()


async def _apply_topology(world: World) -> None:
    """Declare at the same time as the consumers do; devices exist only after that."""
    declare = partial(apply_topology, world.broker.node.amqp_url, world.partition_count)
    while True:
        try:
            await declare()
        except BrokerUnavailableError:
            await asyncio.sleep(_RETRY_S)
        else:
            return
