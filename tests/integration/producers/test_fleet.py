"""A fleet on real brokers: through one account, with all faults, and an account that is true."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cli._fleet_broker import FleetBroker, own_connections, shared_connections
from producers.fleet.account import AccountBook, AccountFile, Totals
from producers.fleet.faults import FaultShares
from producers.fleet.plan import FleetPlan
from producers.fleet.sending import Fleet, Span, run_fleet
from producers.fleet.verifying import verify
from tests.integration.producers.conftest import TIMEOUT_S, Site
from weir.clock import SystemClock, to_us
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.errors import BrokerUnavailableError, DecodeError, NotFoundError
from weir.model.names import partition_streams, serial_of
from weir.mqtt.address import MqttAddress
from weir.rabbitmq.access import delete_device_user
from weir.rabbitmq.amqp10 import split_message
from weir.rabbitmq.stream_reader import open_stream
from weir.runtime.publisher import DevicePublisher

pytestmark = [pytest.mark.mqtt, pytest.mark.rabbitmq]

SHARES = FaultShares(late=0.1, duplicate=0.1, out_of_order=0.1, missing=0.1, garbage=0.1)
SECOND_US = 1_000_000


@dataclass
class Arrived:
    """What a stream has, as a server would tell it."""

    stored: dict[tuple[str, int], float] = field(default_factory=dict)
    sequences: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    rejected: list[tuple[str, int]] = field(default_factory=list)
    message_count: int = 0

    def take(self, raw: bytes, received_at_us: int) -> None:
        key, body = split_message(raw)
        serial = serial_of(key)
        self.message_count += 1
        try:
            batch = decode_measurements(body, serial, received_at_us)
        except DecodeError:
            self.rejected.append((serial, len(body)))
            return
        assert isinstance(batch, MeasurementBatch)
        self.sequences[serial].append(batch.sequence)
        for column in batch.columns:
            for at_us, value in zip(column.observed_at_us, column.numbers, strict=True):
                self.stored.setdefault((serial, int(at_us)), float(value))

    def readings(
        self, serials: Sequence[str], field: str, since_us: int, until_us: int
    ) -> Iterator[tuple[str, int, float]]:
        del field, since_us, until_us
        return (
            (serial, at_us, value)
            for (serial, at_us), value in self.stored.items()
            if serial in serials
        )

    def missing(self, serial: str, boot_id: int) -> Sequence[tuple[int, int]]:
        del boot_id
        seen = self.sequences[serial]
        return [(each, each) for each in range(1, max(seen)) if each not in seen]

    def undecodable(self, since_us: int) -> Iterator[tuple[str, int]]:
        del since_us
        return iter(self.rejected)


async def arrived(site: Site, totals: Totals) -> Arrived:
    """Read the stream until everything has come that was sent."""
    count = totals.messages_sent + totals.faults["duplicate"] + totals.garbage_sent
    (stream,) = partition_streams(1)
    seen = Arrived()
    async with (
        asyncio.timeout(TIMEOUT_S),
        open_stream(site.broker.stream_url, stream, 0) as reader,
    ):
        while seen.message_count < count:
            chunk = await reader.next_chunk()
            for raw in chunk.messages:
                seen.take(raw, chunk.received_at_us)
    return seen


async def send(plan: FleetPlan, addresses: Sequence[MqttAddress], path: Path) -> Totals:
    clock = SystemClock()
    start_us = to_us(clock.now()) - 2 * SECOND_US
    with path.open("wb") as file:
        book = AccountBook(plan, start_us, file)
        span = Span(start_us, start_us + 3 * SECOND_US)
        failure = await run_fleet(Fleet(plan, addresses, clock, book, span), asyncio.Event())
        book.close()
    assert failure is None
    return book.totals


@pytest.fixture
def prefix() -> str:
    # A user is the whole server's, so its name must be this test's alone.
    return f"fleet-{secrets.token_hex(4)}-"


@pytest.fixture
def fleet_broker(site: Site) -> FleetBroker:
    return FleetBroker(site.device_url, site.broker.management_url)


async def test_an_account_says_exactly_what_has_arrived(
    site: Site, fleet_broker: FleetBroker, prefix: str, tmp_path: Path
) -> None:
    plan = FleetPlan(20, 10.0, 7, prefix, 5, SHARES, late_s_max=1.5)
    # Ten readings a second in one message; a message for each, to have more of them.
    async with shared_connections(fleet_broker, prefix, 2) as addresses:
        totals = await send(plan, addresses, tmp_path / "account")
    assert totals.is_all_acknowledged
    assert all(totals.faults.values())
    report = verify(AccountFile(tmp_path / "account"), await arrived(site, totals))
    assert [] == [problem for check in report.checks for problem in check.problems]
    assert totals.readings_acknowledged == report.readings.found


async def test_each_device_may_have_a_connection(
    site: Site, fleet_broker: FleetBroker, prefix: str, tmp_path: Path
) -> None:
    plan = FleetPlan(3, 1.0, 7, prefix, 5, FaultShares())
    serials = [plan.serial(index) for index in range(3)]
    async with own_connections(fleet_broker, serials) as addresses:
        assert serials == [address.client_id for address in addresses]
        totals = await send(plan, addresses, tmp_path / "account")
    assert verify(AccountFile(tmp_path / "account"), await arrived(site, totals)).is_good


async def test_the_account_of_a_fleet_publishes_for_no_other_device(
    fleet_broker: FleetBroker, prefix: str
) -> None:
    async with shared_connections(fleet_broker, prefix, 1) as (address,):
        with pytest.raises(BrokerUnavailableError, match="acknowledged nothing"):
            await publish_as(address, "pump-1")


async def test_the_account_is_gone_when_the_fleet_is(
    fleet_broker: FleetBroker, prefix: str
) -> None:
    async with shared_connections(fleet_broker, prefix, 1):
        pass
    assert fleet_broker.management_url is not None
    with pytest.raises(NotFoundError):
        await delete_device_user(fleet_broker.management_url, f"{prefix}gateway")


async def publish_as(address: MqttAddress, serial: str) -> None:
    async with DevicePublisher(address, patience_s=2) as publisher:
        await publisher.publish_as(serial, "logs", b"x")
        await publisher.flush()
