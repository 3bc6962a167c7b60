"""Faults of connections: ended by the server, cut, without answers, held up."""

import asyncio
import json
import random
import urllib.request
from base64 import b64encode
from contextlib import suppress
from urllib.parse import quote, unquote, urlsplit

from tests.chaos.world import World

_HTTP_TIMEOUT_S = 5.0


async def terminate_sessions(world: World, _: random.Random) -> None:
    await world.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'weir' AND pid <> pg_backend_pid()"
    )


async def close_connections(world: World, _: random.Random) -> None:
    """Let the broker close every connection, as an operator would."""
    with suppress(OSError):
        await asyncio.to_thread(_close_connections, world.broker.node.management_url)


async def cut_links(world: World, rng: random.Random) -> None:
    for _ in range(rng.randint(2, 10)):
        rng.choice(world.proxies).cut()
        await asyncio.sleep(rng.uniform(0.0, 0.3))


async def lose_commit_answers(world: World, rng: random.Random) -> None:
    """Let a writer's commits happen without it ever learning so."""
    proxy = rng.choice(world.writers).proxies.postgres
    await proxy.mute_and_cut(rng.uniform(0.2, 2.0))


async def lose_acknowledgements(world: World, rng: random.Random) -> None:
    """Let publishes arrive without their publisher ever learning so."""
    await asyncio.gather(*(p.proxy.mute_and_cut(rng.uniform(0.2, 1.0)) for p in world.publishers))


async def stall_links(world: World, rng: random.Random) -> None:
    chosen = rng.sample(world.proxies, k=rng.randint(1, 4))
    await asyncio.gather(*(proxy.stall(rng.uniform(0.5, 4.0)) for proxy in chosen))


def _close_connections(management_url: str) -> None:
    for connection in json.loads(_call(management_url, "GET", "connections")):
        # One that has gone meanwhile is not found.
        with suppress(OSError):
            _call(management_url, "DELETE", f"connections/{quote(connection['name'], safe='')}")


def _call(management_url: str, method: str, path: str) -> bytes:
    parts = urlsplit(management_url)
    login, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(  # noqa: S310 - our own broker
        f"{parts.scheme}://{host}/api/{path}",
        method=method,
        headers={"Authorization": "Basic " + b64encode(unquote(login).encode()).decode()},
    )
    with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_S) as response:  # noqa: S310
        content: bytes = response.read()
        return content
