"""The catalogue of faults, and when they strike: all of it follows from the seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from tests.chaos import faults_links, faults_processes, faults_servers
from tests.chaos.world import Injection, World

Fault = Callable[[World, random.Random], Awaitable[None]]

CATALOGUE: tuple[Fault, ...] = (
    faults_processes.kill_publisher,
    faults_processes.kill_writer,
    faults_processes.kill_both_writers,
    faults_processes.kill_writer_in_commit,
    faults_processes.kill_other_consumer,
    faults_processes.pause_writer,
    faults_processes.third_writer,
    faults_servers.kill_broker,
    faults_servers.restart_broker,
    faults_servers.kill_broker_in_declare,
    faults_servers.kill_postgres,
    faults_servers.kill_postgres_in_commit,
    faults_servers.restart_postgres,
    faults_servers.kill_session,
    faults_servers.kill_broker_while_postgres_restarts,
    faults_servers.kill_everything,
    faults_links.terminate_sessions,
    faults_links.close_connections,
    faults_links.cut_links,
    faults_links.lose_commit_answers,
    faults_links.lose_acknowledgements,
    faults_links.stall_links,
)
_PAUSE_S_MAX = 1.5
#: A fault that is not mended by then has found something that does not come back.
_MEND_TIMEOUT_S = 180.0


def schedule(rng: random.Random, count: int, together_max: int) -> Iterator[tuple[Fault, ...]]:
    """Give rounds with `count` faults in all, up to `together_max` at once.

    Every kind comes once before one comes again, each time in another order.
    """
    while count > 0:
        kinds = rng.sample(CATALOGUE, k=len(CATALOGUE))[:count]
        count -= len(kinds)
        while kinds:
            size = rng.randint(1, together_max)
            yield tuple(kinds[:size])
            kinds = kinds[size:]


async def inject(world: World) -> None:
    """Let all faults of the run strike, one round after another."""
    rng = random.Random(f"{world.shape.seed}/faults")
    shape = world.shape
    for number, faults in enumerate(schedule(rng, shape.fault_count, shape.together_max)):
        await asyncio.sleep(rng.uniform(0.0, _PAUSE_S_MAX))
        strikes = [
            partial(_strike, world, fault, random.Random(f"{shape.seed}/{number}/{place}"))
            for place, fault in enumerate(faults)
        ]
        async with asyncio.timeout(_MEND_TIMEOUT_S):
            await asyncio.gather(*(strike() for strike in strikes))


async def _strike(world: World, fault: Fault, rng: random.Random) -> None:
    kind = getattr(fault, "__name__", "fault")
    world.note(kind)
    world.injections.append(Injection(kind, world.now_s))
    await fault(world, rng)
