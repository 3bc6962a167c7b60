"""Puts the pieces together: the only place that names concrete adapters."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg

from weir import metrics
from weir.clock import SystemClock
from weir.config import EnrolmentPolicy, Settings, reveal
from weir.consumer import JOURNAL, Consumer, JournalConsumer, Ports, QueueConsumer, StreamConsumer
from weir.device_log_file import DeviceLogFile
from weir.model.log_limit import LogPolicy
from weir.model.names import partition_streams
from weir.model.presence import Patience
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.claims import open_claims
from weir.postgres.commands import PostgresCommandStore
from weir.postgres.configurations import PostgresConfigurationStore
from weir.postgres.dead_letters import PostgresDeadLetterStore
from weir.postgres.device_logs import PostgresDeviceLogStore
from weir.postgres.devices import PostgresDeviceStore
from weir.postgres.journal_reader import open_journal
from weir.postgres.pool import open_pool
from weir.postgres.presence import PostgresPresenceStore
from weir.postgres.readings import PostgresReadingStore
from weir.postgres.retention.runs import PostgresRetentionStore
from weir.postgres.roles import Role, passwords_in
from weir.postgres.rollups import PostgresRollupStore
from weir.postgres.schema import make_partitions_ahead, require_schema
from weir.postgres.sequences import PostgresSequenceStore
from weir.rabbitmq.publisher import RabbitmqPublisher, open_publisher
from weir.rabbitmq.queue_reader import open_queues
from weir.rabbitmq.stream_ends import end_offset, first_offset
from weir.rabbitmq.stream_reader import open_stream
from weir.rabbitmq.topology import apply_topology
from weir.runtime.dead_letter_limit import DeadLetterBounds
from weir.runtime.journal_worker import JournalSource, JournalWorker
from weir.runtime.partition_share import PartitionShare
from weir.runtime.partition_worker import PartitionSource, PartitionWorker
from weir.runtime.queue_worker import QueueSource, QueueWorker
from weir.runtime.waiting import repeat, run_until, until_available

#: What a consumer must be told.
CONSUMER_VARIABLES = ("WEIR_AMQP_URL", "WEIR_STREAM_URL", "WEIR_POSTGRES_URL")
#: Partitions are made a week ahead; looking every hour survives any restart.
UPKEEP_INTERVAL_S = 3_600.0
#: What a run of retention does not get done by then, the next one does.
RETENTION_BUDGET_S = 600.0


def role_passwords(settings: Settings) -> dict[Role, str]:
    """Find the password of each role of the database: it is in the address that it will use.

    Raises:
        ConfigError: an address has none.
    """
    postgres = settings.postgres
    urls = {
        Role.OWNER: postgres.owner_url,
        Role.APP: postgres.url,
        Role.READONLY: postgres.readonly_url,
        Role.MONITORING: postgres.monitoring_url,
        Role.REPLICATION: postgres.replication_url,
    }
    return passwords_in({role: url.get_secret_value() for role, url in urls.items() if url})


async def run_consumer(
    consumer_class: type[Consumer], settings: Settings, stop: asyncio.Event
) -> None:
    """Run one consumer until `stop` is set, waiting out the absence of broker and database.

    Raises:
        ConfigError: a setting is missing, or the broker's topology contradicts ours.
        MigrationError: the database belongs to another version.
        TooManyDeadLettersError: the consumer rejects nearly everything.
    """
    postgres_url = reveal(settings.postgres.url, "WEIR_POSTGRES_URL")
    metrics.RUNNING.labels(consumer_class.name).set(0)
    try:
        async with open_pool(postgres_url) as pool:
            await run_until(stop, _run_consumer(consumer_class, settings, pool))
    finally:
        metrics.RUNNING.labels(consumer_class.name).set(0)


async def _run_consumer(
    consumer_class: type[Consumer], settings: Settings, pool: asyncpg.Pool
) -> None:
    await until_available(partial(_prepare, settings))
    amqp_url = reveal(settings.amqp.url, "WEIR_AMQP_URL")
    async with open_publisher(amqp_url, f"publishes for {consumer_class.name}") as publisher:
        consumer = consumer_class(make_ports(settings, pool, publisher))
        metrics.RUNNING.labels(consumer.name).set(1)
        if isinstance(consumer, StreamConsumer):
            await _run_stream_consumer(consumer, settings, pool)
        elif isinstance(consumer, QueueConsumer):
            worker = QueueWorker(consumer, _queue_source(settings))
            await _with_chores(consumer, settings, worker.run())
        elif isinstance(consumer, JournalConsumer):
            await _with_chores(consumer, settings, _run_journal_consumer(consumer, settings, pool))


async def _with_chores(
    consumer: Consumer, settings: Settings, work: Coroutine[Any, Any, None]
) -> None:
    postgres_url = reveal(settings.postgres.url, "WEIR_POSTGRES_URL")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work)
        if consumer.chores():
            tasks.create_task(share_chores(consumer, postgres_url).run())


async def _prepare(settings: Settings) -> None:
    await require_schema(reveal(settings.postgres.url, "WEIR_POSTGRES_URL"))
    await apply_topology(reveal(settings.amqp.url, "WEIR_AMQP_URL"), settings.partition.count)


def _queue_source(settings: Settings) -> QueueSource:
    clock = SystemClock()
    amqp_url = reveal(settings.amqp.url, "WEIR_AMQP_URL")
    return QueueSource(
        prepare=partial(_prepare, settings),
        open_queues=partial(open_queues, amqp_url, clock=clock),
        clock=clock,
        dead_letter_bounds=_dead_letter_bounds(settings),
    )


def _dead_letter_bounds(settings: Settings) -> DeadLetterBounds:
    return DeadLetterBounds(settings.dead_letter.share_max, settings.dead_letter.run_max)


async def _run_stream_consumer(
    consumer: StreamConsumer[Any], settings: Settings, pool: asyncpg.Pool
) -> None:
    postgres_url = reveal(settings.postgres.url, "WEIR_POSTGRES_URL")
    source = make_source(settings, pool)

    async def project(stream: str) -> None:
        await PartitionWorker(consumer, stream, source).run()

    async def keep_up() -> None:
        await make_partitions_ahead(pool, source.clock.now().date())

    streams = consumer.streams(settings.partition.count)
    claims = partial(open_claims, postgres_url, consumer.name)
    # Before the first reading: what goes to the default partition would have to be moved.
    await until_available(keep_up)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(repeat(UPKEEP_INTERVAL_S, keep_up))
        tasks.create_task(
            _with_chores(consumer, settings, PartitionShare(streams, claims, project).run())
        )


async def _run_journal_consumer(
    consumer: JournalConsumer, settings: Settings, pool: asyncpg.Pool
) -> None:
    postgres_url = reveal(settings.postgres.url, "WEIR_POSTGRES_URL")
    source = JournalSource(
        partial(open_journal, postgres_url), PostgresCheckpointStore(pool), SystemClock()
    )

    async def follow(_: str) -> None:
        await JournalWorker(consumer, source).run()

    # One partition: of several processes one has it, and another takes over when that is gone.
    claims = partial(open_claims, postgres_url, consumer.name)
    await PartitionShare([JOURNAL], claims, follow).run()


def share_chores(consumer: Consumer, postgres_url: str) -> PartitionShare:
    """Give what does a consumer's chores, each in one of its workers at a time."""
    chores = {chore.name: chore for chore in consumer.chores()}

    async def do(name: str) -> None:
        chore = chores[name]
        await repeat(chore.interval_s, chore.run)

    claims = partial(open_claims, postgres_url, f"{consumer.name}.chores")
    return PartitionShare(list(chores), claims, do)


def make_source(settings: Settings, pool: asyncpg.Pool) -> PartitionSource:
    """Give where a stream consumer's messages and its memory are."""
    stream_url = reveal(settings.stream.url, "WEIR_STREAM_URL")
    return PartitionSource(
        partial(open_stream, stream_url),
        partial(end_offset, stream_url),
        partial(first_offset, stream_url),
        PostgresCheckpointStore(pool),
        SystemClock(),
        _dead_letter_bounds(settings),
    )


def make_ports(
    settings: Settings, pool: asyncpg.Pool, publisher: RabbitmqPublisher | None = None
) -> Ports:
    """Give what consumers work on, over one pool; without a publisher they publish nothing."""
    needs_approval = settings.enrolment.policy is EnrolmentPolicy.APPROVAL
    return Ports(
        devices=PostgresDeviceStore(pool, needs_approval=needs_approval),
        presence=PostgresPresenceStore(pool, _patience(settings), needs_approval=needs_approval),
        configurations=PostgresConfigurationStore(pool, needs_approval=needs_approval),
        readings=PostgresReadingStore(pool, needs_approval=needs_approval),
        rollups=PostgresRollupStore(pool),
        retention=PostgresRetentionStore(pool, budget_s=RETENTION_BUDGET_S),
        sequences=PostgresSequenceStore(pool),
        dead_letters=PostgresDeadLetterStore(pool),
        commands=PostgresCommandStore(pool, timedelta(days=settings.command.kept_days)),
        device_logs=_device_logs(settings, pool),
        publisher=publisher or RabbitmqPublisher(None, ""),
        stream_ends=partial(_stream_ends, settings),
    )


def _device_logs(settings: Settings, pool: asyncpg.Pool) -> PostgresDeviceLogStore:
    told = settings.device_log
    if told.directory:
        metrics.watch_disk("device_logs", told.directory)
    return PostgresDeviceLogStore(
        pool,
        LogPolicy(told.days, told.lines_per_s),
        needs_approval=settings.enrolment.policy is EnrolmentPolicy.APPROVAL,
        sink=DeviceLogFile(told.directory) if told.directory else None,
    )


def _patience(settings: Settings) -> Patience:
    told = settings.presence
    return Patience(
        timedelta(seconds=told.silence_s),
        timedelta(seconds=told.will_grace_s),
        timedelta(seconds=told.outage_grace_s),
    )


async def _stream_ends(settings: Settings) -> Mapping[str, int]:
    stream_url = reveal(settings.stream.url, "WEIR_STREAM_URL")
    streams = partition_streams(settings.partition.count)
    ends = await asyncio.gather(*(end_offset(stream_url, stream) for stream in streams))
    return dict(zip(streams, ends, strict=True))
