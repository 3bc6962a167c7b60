"""A journal with relays on it, in this process or as processes; real database, real broker."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg

from consumers.journal_relay import JournalRelay
from weir.bootstrap import make_ports
from weir.clock import SystemClock
from weir.config import Settings
from weir.consumer import JOURNAL
from weir.events.device import ENTITY, DeviceStarted
from weir.events.event import Author, entries_of
from weir.model.names import JOURNAL_STREAM
from weir.paths import ROOT
from weir.postgres import journal
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.journal_reader import open_journal
from weir.postgres.pool import open_pool, transaction
from weir.rabbitmq.amqp10 import split_message
from weir.rabbitmq.publisher import open_publisher
from weir.rabbitmq.stream_ends import end_offset
from weir.rabbitmq.stream_reader import open_stream
from weir.runtime.journal_worker import JournalSource, JournalWorker
from weir.testing.addresses import Broker
from weir.testing.running import running


@dataclass
class JournalLine:
    """One virtual host, one database."""

    broker: Broker
    database_url: str
    pool: asyncpg.Pool

    async def append(self, serial: str, version: int, count: int = 1) -> None:
        """Append boots of a device after its version `version`."""
        boots = [DeviceStarted(boot_id=version + number) for number in range(1, count + 1)]
        entries = entries_of(ENTITY, serial, version, boots, Author(serial, "c0ffee"))
        async with transaction(self.pool) as connection:
            await journal.append(connection, entries)

    async def end(self) -> int:
        return int(await self.pool.fetchval("SELECT max(position) FROM journal"))

    async def is_relayed(self) -> bool:
        """Whether the relay's checkpoint is behind the last event."""
        checkpoints = PostgresCheckpointStore(self.pool)
        return await checkpoints.next_offset("journal_relay", JOURNAL) == await self.end() + 1

    async def published(self) -> list[tuple[str, dict[str, Any]]]:
        """Read the whole stream: routing keys and documents."""
        end = await end_offset(self.broker.stream_url, JOURNAL_STREAM)
        found: list[tuple[str, dict[str, Any]]] = []
        async with open_stream(self.broker.stream_url, JOURNAL_STREAM, 0) as reader:
            while len(found) < end:
                chunk = await reader.next_chunk()
                found += [
                    (key, json.loads(body)) for key, body in map(split_message, chunk.messages)
                ]
        return found

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[None]:
        """Run one relay in this process, without a claim."""
        async with (
            open_pool(self.database_url) as pool,
            open_publisher(self.broker.amqp_url, "publishes for a test") as publisher,
        ):
            relay = JournalRelay(make_ports(Settings(), pool, publisher))
            source = JournalSource(
                partial(open_journal, self.database_url),
                PostgresCheckpointStore(pool),
                SystemClock(),
            )
            async with running(JournalWorker(relay, source).run()):
                yield

    @contextmanager
    def process(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run one relay as a process, as an operator would; it is killed at the end."""
        addresses = {
            "WEIR_AMQP_URL": self.broker.amqp_url,
            "WEIR_STREAM_URL": self.broker.stream_url,
            "WEIR_POSTGRES_URL": self.database_url,
        }
        kept = {name: value for name, value in os.environ.items() if name[:5] != "WEIR_"}
        process = subprocess.Popen(
            [sys.executable, "-m", "weir", "run", "journal_relay"], cwd=ROOT, env=kept | addresses
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
