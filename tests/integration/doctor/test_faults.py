"""Faults of real servers, each made on purpose, and what `iotctl doctor` says of them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.rabbitmq.publishing import channel_to, publish
from weir.clock import Clock, SystemClock
from weir.config import Settings
from weir.doctor import certificates as looking
from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, State
from weir.doctor.installation import broker as broker_check
from weir.doctor.installation import (
    clocks,
    consumers,
    database,
    dead_letters,
    disk,
    mqtt,
    queues,
    topology,
)
from weir.doctor.running import run_checks
from weir.model.names import EXCHANGE, REGISTRY_QUEUE, partition_streams
from weir.ports import Checkpoint, DeadLetter
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.dead_letters import PostgresDeadLetterStore
from weir.postgres.pool import open_pool
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker
from weir.testing.clock import ManualClock
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.rabbitmq, pytest.mark.mqtt]

Look = Callable[[ModuleType], Awaitable[list[Finding]]]
NOWHERE = "127.0.0.1:1"


@asynccontextmanager
async def opened(
    database_url: str, addresses: Mapping[str, str], clock: Clock | None = None
) -> AsyncIterator[Look]:
    environ = {f"WEIR_{name.upper()}_URL": url for name, url in addresses.items()}
    async with open_pool(database_url) as pool:
        world = Installation(Settings.from_env(environ), pool, clock or SystemClock())

        async def look(module: ModuleType) -> list[Finding]:
            return await run_checks([module], world)

        yield look


def addresses_of(broker: Broker) -> dict[str, str]:
    return {
        "amqp": broker.amqp_url,
        "stream": broker.stream_url,
        "mqtt": broker.mqtt_url,
        "management": broker.management_url,
    }


def wrong(findings: list[Finding]) -> list[tuple[State, str]]:
    return [
        (finding.state, finding.subject)
        for finding in findings
        if finding.state in {State.WARNING, State.FAILURE}
    ]


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(migrated_database_url) as pool:
        yield pool


async def test_servers_that_are_well_are_found_to_be(
    broker: Broker, migrated_database_url: str
) -> None:
    await apply_topology(broker.amqp_url, 1)
    async with opened(migrated_database_url, addresses_of(broker)) as look:
        checks = (broker_check, clocks, database, dead_letters, disk, mqtt, topology)
        found = [finding for check in checks for finding in await look(check)]
    assert [] == wrong(found)
    assert "RabbitMQ" in found[0].message


async def test_servers_that_are_away_are_named_with_what_starts_them() -> None:
    away = f"postgresql://nobody@{NOWHERE}/nothing"
    addresses = {
        "amqp": f"amqp://nobody:x@{NOWHERE}/",
        "stream": f"rabbitmq-stream://nobody:x@{NOWHERE}/",
        "mqtt": f"mqtt://{NOWHERE}",
    }
    async with opened(away, addresses) as look:
        (amqp,) = await look(broker_check)
        (postgres,) = await look(database)
        (strangers,) = await look(mqtt)
    assert (State.FAILURE, True) == (amqp.state, amqp.remedy.startswith("iotctl up"))
    assert (State.FAILURE, True) == (postgres.state, postgres.remedy.startswith("iotctl up"))
    assert State.FAILURE == strangers.state


@pytest.mark.parametrize("may_manage", [True, False])
async def test_a_queue_that_was_deleted_is_missed(
    broker: Broker, migrated_database_url: str, may_manage: bool
) -> None:
    await apply_topology(broker.amqp_url, 1)
    async with channel_to(broker.amqp_url) as channel:
        await channel.queue_delete(REGISTRY_QUEUE)
    addresses = addresses_of(broker)
    if not may_manage:
        addresses.pop("management")
    async with opened(migrated_database_url, addresses) as look:
        found = [each for each in await look(topology) if each.subject == REGISTRY_QUEUE]
    assert {(State.FAILURE, "iotctl topology apply")} == {
        (each.state, each.remedy) for each in found
    }


async def test_a_binding_that_was_removed_is_missed(
    broker: Broker, migrated_database_url: str
) -> None:
    await apply_topology(broker.amqp_url, 1)
    async with channel_to(broker.amqp_url) as channel:
        queue = await channel.get_queue(REGISTRY_QUEUE)
        await queue.unbind(EXCHANGE, "sensor.*.registry.#")
    async with opened(migrated_database_url, addresses_of(broker)) as look:
        assert [(State.FAILURE, REGISTRY_QUEUE)] == wrong(await look(topology))


async def test_a_queue_that_nobody_reads_is_worse_when_something_waits_in_it(
    broker: Broker, migrated_database_url: str
) -> None:
    await apply_topology(broker.amqp_url, 1)
    async with (
        channel_to(broker.amqp_url) as channel,
        opened(migrated_database_url, addresses_of(broker)) as look,
    ):
        assert (State.WARNING, REGISTRY_QUEUE) in wrong(await look(queues))
        await publish(channel, "sensor.pump-1.registry", b"x")

        async def is_failure() -> bool:
            return (State.FAILURE, REGISTRY_QUEUE) in wrong(await look(queues))

        await eventually(is_failure)


async def test_a_consumer_that_does_not_go_on_is_stuck(
    broker: Broker, migrated_database_url: str, pool: asyncpg.Pool
) -> None:
    await apply_topology(broker.amqp_url, 1)
    (stream,) = partition_streams(1)
    await PostgresCheckpointStore(pool).put(Checkpoint("gaps", stream, 0))
    await PostgresCheckpointStore(pool).put(Checkpoint("old.replay", stream, 0))
    await pool.execute("UPDATE stream_offset SET recorded_at = now() - interval '1 hour'")
    async with (
        channel_to(broker.amqp_url) as channel,
        opened(migrated_database_url, addresses_of(broker)) as look,
    ):
        assert [] == wrong(await look(consumers))
        await publish(channel, "sensor.pump-1.measurements", b"x")

        async def is_stuck() -> bool:
            return [(State.FAILURE, f"gaps of {stream}")] == wrong(await look(consumers))

        await eventually(is_stuck)


async def test_what_was_rejected_is_counted_by_reason(
    migrated_database_url: str, pool: asyncpg.Pool
) -> None:
    letter = DeadLetter("logs", "undecodable", "", "queue", "key", b"", datetime.now(UTC))  # noqa: TID251
    await PostgresDeadLetterStore(pool).keep(letter)
    async with opened(migrated_database_url, {}) as look:
        (found,) = await look(dead_letters)
    assert State.WARNING == found.state
    assert "1 kept as undecodable, 1 of them in the last hour" == found.message
    assert "iotctl dead list --consumer logs --reason undecodable" == found.remedy


async def test_a_database_that_was_not_migrated_is_told_so(database_url: str) -> None:
    async with opened(database_url, {}) as look:
        version, schema = await look(database)
    assert State.OK == version.state
    assert (State.FAILURE, "iotctl migrate") == (schema.state, schema.remedy)


async def test_clocks_that_are_wrong_are_told_apart_from_ours(
    broker: Broker, migrated_database_url: str
) -> None:
    async with opened(migrated_database_url, addresses_of(broker), ManualClock()) as look:
        assert [(State.FAILURE, "PostgreSQL clock"), (State.FAILURE, "RabbitMQ clock")] == wrong(
            await look(clocks)
        )


async def test_a_broker_that_lets_anybody_in_is_told(migrated_database_url: str) -> None:
    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(bytes([0x20, 2, 0, 0]))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(welcome, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with opened(migrated_database_url, {"mqtt": f"mqtt://127.0.0.1:{port}"}) as look:
            found = await look(mqtt)
    assert ["anybody may connect without a user", "anybody may connect as guest"] == [
        each.message for each in found
    ]
    assert {State.FAILURE} == {each.state for each in found}


@pytest.mark.parametrize(
    ("days", "state"),
    [(-1, State.FAILURE), (looking.WARNED_DAYS - 1, State.WARNING), (90, State.OK)],
)
async def test_a_certificate_is_told_by_how_long_it_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, state: State
) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the library compares with the real one
    certificate = make_certificate(tmp_path, now, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        found = await looking.look_at_certificate("AMQP", f"amqps://127.0.0.1:{port}", now)
    assert found is not None
    assert state == found.state, found


def make_certificate(folder: Path, now: datetime, days: int) -> Path:
    """Write a certificate of 127.0.0.1 that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
