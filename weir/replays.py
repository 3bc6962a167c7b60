"""Replays of the measurement streams: from where, into what, and whether it came out the same."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from weir.bootstrap import make_ports, make_source
from weir.config import Settings, reveal
from weir.consumer import JOURNAL, StreamConsumer
from weir.model.names import partition_streams
from weir.ports import Checkpoint
from weir.postgres import replay_schema
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.pool import Pool, open_pool
from weir.postgres.queries.checkpoints import list_checkpoints
from weir.postgres.queries.journal import journal_end
from weir.postgres.replay_schema import Checksum
from weir.rabbitmq.stream_ends import end_offset, first_offset, offset_at
from weir.runtime.replay import Progress, Span, replay

#: What a replay must be told.
REPLAY_VARIABLES = ("WEIR_STREAM_URL", "WEIR_POSTGRES_URL")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay will read: of each stream a span, and how much of it is gone for ever.

    `lost_count`: messages between the asked start and the oldest that the streams still hold.
    """

    spans: Mapping[str, Span]
    lost_count: int

    @property
    def message_count(self) -> int:
        """Count the messages that will be read."""
        return sum(span.end - span.start for span in self.spans.values())


@dataclass(frozen=True, slots=True)
class Comparison:
    """The live readings beside the replayed ones, by table, and how many of these differ."""

    live: Mapping[str, Checksum]
    replayed: Mapping[str, Checksum]
    difference_count: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a consumer has read a stream; `lag_count`: the messages that wait for it."""

    consumer: str
    stream: str
    next_offset: int
    lag_count: int
    recorded_at: datetime


async def standings(settings: Settings) -> list[Standing]:
    """Tell how far every consumer has read every stream, and what it has before it.

    Raises:
        BrokerUnavailableError: the streams cannot be read.
        StoreUnavailableError: try again later.
    """
    url = reveal(settings.stream.url, "WEIR_STREAM_URL")
    async with _tables(settings, None) as pool:
        rows = await list_checkpoints(pool)
        # Not a stream of the broker, and read by position, but it has an end as well.
        ends = {JOURNAL: await journal_end(pool) + 1}
    for stream in {row.stream for row in rows} - {JOURNAL}:
        ends[stream] = await end_offset(url, stream)
    return [
        Standing(
            row.consumer,
            row.stream,
            row.next_offset,
            max(0, ends[row.stream] - row.next_offset),
            row.recorded_at,
        )
        for row in rows
    ]


async def set_checkpoints(settings: Settings, consumer: str, wanted: Plan) -> None:
    """Let `consumer` go on from the starts of a plan; a worker that runs follows at once.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with _tables(settings, None) as pool:
        store = PostgresCheckpointStore(pool)
        for stream, span in wanted.spans.items():
            await store.put(Checkpoint(consumer, stream, span.start))


async def plan(
    settings: Settings, start: int | datetime | None, streams: Sequence[str] = ()
) -> Plan:
    """Look at what streams hold from an offset (of each stream) or a time on; None: the end.

    `streams`: those of the measurements when none is given.

    Raises:
        BrokerUnavailableError: the streams cannot be read.
        ConfigError: `WEIR_STREAM_URL` is missing.
    """
    url = reveal(settings.stream.url, "WEIR_STREAM_URL")
    spans = {}
    lost_count = 0
    for stream in streams or partition_streams(settings.partition.count):
        end = await end_offset(url, stream)
        first = await first_offset(url, stream)
        oldest = end if first is None else first
        match start:
            case None:
                wanted = end
            case int():
                wanted = start
            case _:
                wanted = await offset_at(url, stream, start)
        lost_count += max(0, oldest - wanted)
        spans[stream] = Span(min(max(wanted, oldest), end), end)
    return Plan(spans, lost_count)


async def run(
    settings: Settings,
    consumer_class: type[StreamConsumer[Any]],
    wanted: Plan,
    schema: str | None,
) -> AsyncIterator[Progress]:
    """Project a plan again: into `schema`, or in place, where what is stored already stays.

    A replay into a schema that was interrupted goes on where it was.

    Raises:
        ConfigError: the schema's name cannot be used.
        WeirError: what a worker gave up with.
    """
    name = f"{consumer_class.name}.replay"
    async with _tables(settings, schema) as pool:
        if schema is None:
            await PostgresCheckpointStore(pool).forget(name)
        consumer = consumer_class(make_ports(settings, pool), name)
        async for progress in replay(consumer, wanted.spans, make_source(settings, pool)):
            yield progress


async def compare(settings: Settings, schema: str) -> Comparison:
    """Compare the readings of a replay with the live ones.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with _tables(settings, schema) as pool:
        return Comparison(
            live=await replay_schema.checksums(pool, "public"),
            replayed=await replay_schema.checksums(pool, replay_schema.check_name(schema)),
            difference_count=await replay_schema.count_differences(pool, schema),
        )


async def drop(settings: Settings, schema: str) -> None:
    """Delete a replay's schema.

    Raises:
        NotFoundError: there is none of that name.
    """
    async with _tables(settings, None) as pool:
        await replay_schema.drop(pool, schema)


@asynccontextmanager
async def _tables(settings: Settings, schema: str | None) -> AsyncIterator[Pool]:
    # A replay beside the live tables makes tables of its own, which services may not.
    url = reveal(settings.postgres.for_schema, "WEIR_POSTGRES_URL")
    if schema is not None:
        replay_schema.check_name(schema)
        async with open_pool(url) as pool:
            await replay_schema.create(pool, schema)
    async with open_pool(url, schema=schema) as pool:
        yield pool
