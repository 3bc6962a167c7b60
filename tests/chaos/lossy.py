"""A link that is slow and breaks, as the radio of a device does."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.integration.mqtt.proxy import CHUNK_BYTES, Link


@dataclass(frozen=True)
class Weather:
    """How bad a link is: each direction is so late, and it breaks after so long, at random."""

    latency_s: float
    break_s: tuple[float, float]
    seed: int = 7


class LossyLink(Link):
    """Delivers every chunk late."""

    latency_s = 0.0

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_held: bool
    ) -> None:
        later: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            with suppress(OSError):
                while True:
                    due_s, chunk = await later.get()
                    await asyncio.sleep(max(0.0, due_s - loop.time()))
                    if is_held:
                        await self._flowing.wait()
                    writer.write(chunk)
                    await writer.drain()

        delivering = asyncio.create_task(deliver())
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                later.put_nowait((loop.time() + self.latency_s, chunk))
        delivering.cancel()
        # What is on its way when a link breaks is lost.
        writer.transport.abort()


@asynccontextmanager
async def open_lossy_link(broker_url: str, weather: Weather) -> AsyncIterator[LossyLink]:
    """Give a link that breaks by itself, again and again."""
    link = LossyLink(broker_url)
    link.latency_s = weather.latency_s
    await link.bring_up()
    rng = random.Random(weather.seed)

    async def break_often() -> None:
        while True:
            await asyncio.sleep(rng.uniform(*weather.break_s))
            link.cut()

    breaking = asyncio.create_task(break_often())
    try:
        yield link
    finally:
        breaking.cancel()
        await link.take_down()
