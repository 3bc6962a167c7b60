"""Short ways to put dead letters into the database, and to see what a replay publishes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import httpx
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from gateway.app import create_app
from gateway.context import Context
from weir.clock import SystemClock
from weir.ports import DeadLetter
from weir.postgres.dead_letters import PostgresDeadLetterStore

KEY = "sensor.pump-1.measurements"


@dataclass
class PostOffice:
    """Keeps letters, and reads everything that devices and replays publish."""

    pool: asyncpg.Pool
    queue: AbstractQueue

    async def keep(self, *bodies: bytes, **changes: Any) -> None:
        """Keep letters of `pump-1`, numbered from 1 in this order, or with other properties."""
        for body in bodies:
            letter = DeadLetter(
                consumer="measurements",
                reason="undecodable",
                error="not a Batch",
                source="a stream",
                routing_key=KEY,
                body=body,
                first_seen_at=SystemClock().now(),
                serial="pump-1",
            )
            await PostgresDeadLetterStore(self.pool).keep(replace(letter, **changes))

    async def states(self) -> list[str]:
        rows = await self.pool.fetch("SELECT state FROM dead_letter ORDER BY dead_letter_id")
        return [row["state"] for row in rows]

    async def published(self) -> list[AbstractIncomingMessage]:
        """Take what was published, in its order; a confirm comes after the message is here."""
        messages = []
        while message := await self.queue.get(fail=False):
            await message.ack()
            messages.append(message)
        return messages

    async def published_bodies(self) -> list[bytes]:
        return [message.body for message in await self.published()]


@asynccontextmanager
async def ask_gateway(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(context)),
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {context.token}"},
    ) as client:
        yield client
