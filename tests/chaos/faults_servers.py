"""Faults of the broker and the database: killed, restarted, killed while something is under way."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.chaos.services import Process
from tests.chaos.traps import COMMIT, COPY, DECLARE, trap
from tests.chaos.world import World


async def kill_broker(world: World, rng: random.Random) -> None:
    async with world.broker.turn:
        world.broker.kill()
        await asyncio.sleep(rng.uniform(0.0, 2.0))
        await world.broker.start()


async def restart_broker(world: World, _: random.Random) -> None:
    async with world.broker.turn:
        await world.broker.stop()
        await world.broker.start()


async def kill_broker_in_declare(world: World, rng: random.Random) -> None:
    """Kill the broker while a writer that starts declares the topology."""
    writer = rng.choice(world.writers)
    writer.kill()
    await asyncio.to_thread(writer.reap)
    async with world.broker.turn:
        writer.start()
        await trap(writer.proxies.amqp, DECLARE, world.broker.kill)
        world.broker.kill()
        await world.broker.start()


async def kill_postgres(world: World, rng: random.Random) -> None:
    """Kill the postmaster alone, or all of PostgreSQL at once."""
    async with world.database.turn:
        rng.choice((world.database.kill, world.database.kill_alone))()
        await asyncio.sleep(rng.uniform(0.0, 2.0))
        await world.database.start()


async def kill_postgres_in_commit(world: World, rng: random.Random) -> None:
    writer = rng.choice(world.writers)
    async with world.database.turn:
        kill = rng.choice((world.database.kill, world.database.kill_alone))
        await trap(writer.proxies.postgres, rng.choice((COMMIT, COPY)), kill)
        kill()
        await world.database.start()


async def restart_postgres(world: World, _: random.Random) -> None:
    async with world.database.turn:
        await world.database.stop()
        await world.database.start()


async def kill_session(world: World, rng: random.Random) -> None:
    """Kill one session's process: PostgreSQL ends all of them and recovers."""
    async with world.database.turn:
        rows = await world.ask("SELECT pid FROM pg_stat_activity WHERE usename = 'weir_app'")
        if rows:
            world.database.kill_session(rng.choice(rows)["pid"])
            await world.database.wait_ready()


async def kill_broker_while_postgres_restarts(world: World, rng: random.Random) -> None:
    await asyncio.gather(restart_postgres(world, rng), kill_broker(world, rng))


async def kill_everything(world: World, rng: random.Random) -> None:
    """Kill broker, database and both writers, and start them all at once."""
    async with world.broker.turn, world.database.turn:
        world.broker.kill()
        world.database.kill()
        for writer in world.writers:
            writer.kill()
        starts: list[Callable[[], Awaitable[None]]] = [world.broker.start, world.database.start]
        starts += [_starter(writer) for writer in world.writers]
        rng.shuffle(starts)
        await asyncio.gather(*(start() for start in starts))


def _starter(process: Process) -> Callable[[], Awaitable[None]]:
    async def start() -> None:
        await asyncio.to_thread(process.reap)
        process.start()

    return start
