"""Everything that runs in one run: servers, proxies, services, publishers, and what happened."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.chaos.proxy import Proxy
from tests.chaos.servers import Broker, Database
from tests.chaos.services import Addresses, Assignment, Consumer, Process, Publisher
from weir.embedded.postgres_cluster import SUPERUSER

_WATCH_INTERVAL_S = 0.1
_SAMPLE_INTERVAL_S = 0.2
_RESTART_DELAY_S = 0.5
#: What a fault takes with its recovery, on average, where two strike at once.
_FAULT_S = 3.0
_PUBLISHER_COUNT = 3
_CONNECT_TIMEOUT_S = 3.0
_OTHERS = ("aggregates", "registry", "dead_letters")


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a run is; everything else follows from the seed.

    `together_max`: faults at once. Publishing is spread over the time that all of them should take.
    """

    seed: int
    reading_count: int
    fault_count: int
    together_max: int = 2

    @property
    def rate(self) -> float:
        """Readings a second, of all publishers."""
        return self.reading_count / (self.fault_count * _FAULT_S)


@dataclass(slots=True)
class Injection:
    """One fault: when it began, seconds after the start of the run, and until the next commit."""

    kind: str
    began_s: float
    recovery_s: float | None = None


@dataclass(slots=True)
class World:
    """One run, from its empty folder on."""

    shape: Shape
    folder: Path
    origin_us: int
    addresses: Addresses
    writers: list[Consumer] = field(default_factory=list)
    others: list[Consumer] = field(default_factory=list)
    extra: list[Consumer] = field(default_factory=list)
    publishers: list[Publisher] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    #: Told of everything that happens, for whoever watches.
    notes: list[str] = field(default_factory=list)
    started_at: float = field(default_factory=time.monotonic)

    @classmethod
    def create(cls, shape: Shape, folder: Path, origin_us: int) -> "World":
        """Prepare the servers' folders and everything in front of them; nothing runs yet."""
        rng = random.Random(f"{shape.seed}/world")
        addresses = Addresses(Broker(folder), Database(folder), rng.randint(1, 3))
        world = cls(shape, folder, origin_us, addresses)
        world.writers = [world.make_consumer(f"writer-{n}", "measurements") for n in (1, 2)]
        world.others = [world.make_consumer(name, name) for name in _OTHERS]
        world.publishers = [world.make_publisher(number) for number in range(_PUBLISHER_COUNT)]
        return world

    @property
    def broker(self) -> Broker:
        return self.addresses.broker

    @property
    def database(self) -> Database:
        return self.addresses.database

    @property
    def partition_count(self) -> int:
        return self.addresses.partition_count

    @property
    def now_s(self) -> float:
        return time.monotonic() - self.started_at

    @property
    def consumers(self) -> list[Consumer]:
        return [*self.writers, *self.others, *self.extra]

    @property
    def proxies(self) -> list[Proxy]:
        inner = [proxy for consumer in self.consumers for proxy in consumer.proxies.all()]
        return inner + [publisher.proxy for publisher in self.publishers]

    @property
    def crashes(self) -> list[str]:
        return [crash for process in self._processes() for crash in process.crashes]

    def note(self, text: str) -> None:
        self.notes.append(f"{self.now_s:6.1f} s  {text}")

    async def open_proxies(self) -> None:
        """Let connections in; before that they are refused."""
        for proxy in self.proxies:
            await proxy.start()

    async def add_writer(self) -> Consumer:
        """Make a writer beside the two that are always wanted."""
        writer = self.make_consumer(f"writer-{3 + len(self.extra)}", "measurements")
        for proxy in writer.proxies.all():
            await proxy.start()
        self.extra.append(writer)
        return writer

    def make_consumer(self, label: str, name: str) -> Consumer:
        return Consumer(label, name, self.folder, self.addresses)

    def make_publisher(self, number: int) -> Publisher:
        shape, node = self.shape, self.broker.node
        # The first speaks AMQP, the others MQTT as the service user: chaos is not about access.
        is_amqp = number == 0
        proxy = Proxy(node.ports.amqp if is_amqp else node.ports.mqtt)
        url = node.amqp_url if is_amqp else node.amqp_url.replace("amqp://", "mqtt://").rstrip("/")
        share = -(-shape.reading_count // _PUBLISHER_COUNT)
        rate = shape.rate / _PUBLISHER_COUNT
        assignment = Assignment(shape.seed, number, self.origin_us, share, rate)
        return Publisher(assignment, self.folder, proxy, url)

    async def query(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Ask the database directly, past the proxies.

        Raises:
            OSError: it is away, or has thrown us out.
        """
        url = self.database.postgres.url(SUPERUSER)
        try:
            connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S)
            try:
                return list(await connection.fetch(statement, *arguments))
            finally:
                connection.terminate()
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
            TimeoutError,
        ) as error:
            raise OSError(str(error)) from error

    async def ask(self, statement: str) -> list[asyncpg.Record]:
        """Ask the database; no answer is an answer, because another fault may have been faster."""
        try:
            return await self.query(statement)
        except OSError:
            return []

    async def watch(self) -> None:
        """Start what ended by itself again, and note that it did."""
        while True:
            for process in self._processes():
                if process.note_crash():
                    self.note(f"{process.label} CRASHED with {process.exit_code}")
                    await asyncio.sleep(_RESTART_DELAY_S)
                    process.start()
            await asyncio.sleep(_WATCH_INTERVAL_S)

    async def sample(self) -> None:
        """Watch the checkpoints; what moves after a fault is its recovery."""
        seen = ""
        while True:
            rows = await self.ask(
                "SELECT string_agg(next_offset::text, ' ' ORDER BY stream) AS reached"
                " FROM stream_offset WHERE consumer = 'measurements'"
            )
            reached = str(rows[0]["reached"]) if rows else seen
            if reached != seen:
                seen = reached
                for injection in self.injections:
                    if injection.recovery_s is None:
                        injection.recovery_s = self.now_s - injection.began_s
            await asyncio.sleep(_SAMPLE_INTERVAL_S)

    def stop(self) -> None:
        """End everything that still runs."""
        for process in self._processes():
            process.kill()
            process.reap()
        for proxy in self.proxies:
            proxy.stop()
        for server in (self.broker, self.broker.mapper, self.database):
            server.kill()

    def _processes(self) -> Iterator[Process]:
        yield from self.consumers
        yield from self.publishers
