"""Faults of our own processes: killed, paused, joined by another."""

import asyncio
import random

from tests.chaos.services import Process
from tests.chaos.traps import COMMIT, COPY, trap
from tests.chaos.world import World


async def kill_publisher(world: World, rng: random.Random) -> None:
    publisher = rng.choice(world.publishers)
    if not publisher.is_done:
        await _kill_and_start(publisher, rng.uniform(0.0, 1.0))


async def kill_writer(world: World, rng: random.Random) -> None:
    await _kill_and_start(rng.choice(world.writers), rng.uniform(0.0, 3.0))


async def kill_both_writers(world: World, rng: random.Random) -> None:
    await asyncio.gather(*(_kill_and_start(w, rng.uniform(0.0, 2.0)) for w in world.writers))


async def kill_writer_in_commit(world: World, rng: random.Random) -> None:
    """Kill a writer between its COMMIT (or its rows), which arrives, and the answer."""
    writer = rng.choice(world.writers)
    await trap(writer.proxies.postgres, rng.choice((COMMIT, COPY)), writer.kill)
    await _kill_and_start(writer, rng.uniform(0.0, 1.0))


async def kill_other_consumer(world: World, rng: random.Random) -> None:
    await _kill_and_start(rng.choice(world.others), rng.uniform(0.0, 2.0))


async def pause_writer(world: World, rng: random.Random) -> None:
    """Stop a writer, let another take its partitions, and let it go on as if nothing was."""
    writer = rng.choice(world.writers)
    writer.pause()
    try:
        await asyncio.sleep(rng.uniform(0.0, 0.5))
        await world.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'weir claims measurements%'",
        )
        await asyncio.sleep(rng.uniform(1.0, 4.0))
    finally:
        writer.resume()


async def third_writer(world: World, rng: random.Random) -> None:
    """Let a writer join, take its share, and leave in good order."""
    writer = await world.add_writer()
    writer.start()
    await asyncio.sleep(rng.uniform(2.0, 5.0))
    await asyncio.to_thread(writer.stop)


async def _kill_and_start(process: Process, after_s: float) -> None:
    process.kill()
    await asyncio.to_thread(process.reap)
    await asyncio.sleep(after_s)
    process.start()
