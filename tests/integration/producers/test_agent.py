"""The edge agent on real brokers: links that break, spools that wait, commands, configurations."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from producers.agent.agent import Agent
from producers.agent.file import read_file
from producers.agent.link import LIVE_COUNT_MAX
from tests.chaos.lossy import Weather, open_lossy_link
from tests.integration.mqtt.proxy import open_link
from tests.integration.producers.conftest import TIMEOUT_S, Site
from weir.clock import SystemClock
from weir.codec.control.command import encode_command
from weir.codec.control.configuration import encode_configuration
from weir.codec.control.reply import decode_reply
from weir.codec.control.state import decode_state
from weir.codec.device_event import decode_events
from weir.codec.measurement import MeasurementBatch
from weir.model.command import CommandMessage, ReplyStatus
from weir.model.configuration import ConfigurationMessage, StateReport, hash_of
from weir.model.names import REPLIES_QUEUE, STATE_QUEUE, partition_streams, serial_of
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import open_connection
from weir.rabbitmq.amqp10 import split_message
from weir.rabbitmq.stream_reader import open_stream
from weir.testing.conditions import eventually
from weir.testing.running import running

pytestmark = [pytest.mark.mqtt, pytest.mark.rabbitmq]

SERIAL = "pump-1"
#: Twenty samples a second, each in a message of its own.
DOCUMENT: dict[str, Any] = {"interval_s": 0.05, "settings": {"sample_rate_hz": 20, "noise": 0}}
PERIOD_US = 50_000


@dataclass
class Edge:
    """An agent's folder."""

    site: Site
    folder: Path
    spool: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "edge.json"

    def write(self, url: str, document: dict[str, Any]) -> None:
        device = {"serial": SERIAL, "driver": "vibration", **document}
        device["password"] = self.site.credentials[SERIAL]
        raw = {"broker": {"url": url}, "spool": self.spool, "devices": [device]}
        self.path.write_text(json.dumps(raw))

    @asynccontextmanager
    async def agent(self, url: str) -> AsyncIterator[asyncio.Event]:
        self.write(url, DOCUMENT)
        stop = asyncio.Event()
        agent = Agent(read_file(self.path), {})
        task = asyncio.create_task(agent.run(stop))
        try:
            yield stop
            stop.set()
            await asyncio.wait_for(task, TIMEOUT_S)
        finally:
            task.cancel()

    async def send(self, kind: str, body: bytes) -> None:
        """Publish to the device, as the server does."""
        address = MqttAddress.of_device(self.site.broker.mqtt_url, "server")
        async with open_connection(address) as server:
            await server.publish(f"sensor/{SERIAL}/{kind}", body)


@pytest.fixture
async def edge(site: Site, tmp_path: Path) -> Edge:
    await site.admit([SERIAL])
    return Edge(site, tmp_path)


class Received:
    """The batches that have arrived, in their order."""

    def __init__(self) -> None:
        self.batches: list[MeasurementBatch] = []

    async def collect(self, site: Site) -> None:
        async with site.batches() as batches:
            async for batch in batches:
                self.batches.append(batch)

    @property
    def sequences(self) -> list[int]:
        return [batch.sequence for batch in self.batches]

    @property
    def instants(self) -> list[int]:
        return sorted(
            {
                int(instant)
                for batch in self.batches
                for column in batch.columns
                if column.name == "acceleration"
                for instant in column.observed_at_us
            }
        )

    def assert_whole(self) -> None:
        """No number is missing, and no sample."""
        assert list(range(1, max(self.sequences) + 1)) == sorted(set(self.sequences))
        instants = self.instants
        assert list(range(instants[0], instants[-1] + PERIOD_US, PERIOD_US)) == instants


def count(edge: Edge, table: str) -> int:
    """Count rows in the spool, which the agent may be just about to make."""
    with closing(sqlite3.connect(edge.folder / "edge.spool")) as connection:
        try:
            rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        except sqlite3.OperationalError:
            return 0
        return int(rows[0])


def spooled(edge: Edge) -> int:
    return count(edge, "message")


async def test_after_an_outage_new_messages_come_before_those_that_have_waited(edge: Edge) -> None:
    edge.spool = {"backlog_bytes_per_s": 1_024}
    received = Received()
    async with (
        running(received.collect(edge.site)),
        open_link(edge.site.device_url) as link,
        edge.agent(link.url),
    ):
        await eventually(lambda: len(received.batches) >= 2, TIMEOUT_S)
        await link.take_down()
        before = max(received.sequences)
        # More than memory holds as new: the others wait in the spool only.
        await eventually(lambda: spooled(edge) > LIVE_COUNT_MAX + 30, TIMEOUT_S)
        await link.bring_up()
        await eventually(lambda: before + 20 in received.sequences, TIMEOUT_S)
        as_they_came = received.sequences
        newest = as_they_came[: as_they_came.index(before + 20)]
        assert max(newest) > before + LIVE_COUNT_MAX
        wanted = set(range(1, before + 60))
        await eventually(lambda: not wanted - set(received.sequences), TIMEOUT_S)


async def test_what_waits_is_sent_by_the_next_start_as_the_same_bytes(edge: Edge) -> None:
    received = Received()
    async with open_link(edge.site.device_url) as link:
        await link.take_down()
        async with edge.agent(link.url):
            await eventually(lambda: spooled(edge) > 10, TIMEOUT_S)
        await link.bring_up()
        async with running(received.collect(edge.site)), edge.agent(link.url):
            await eventually(lambda: spooled(edge) <= 1, TIMEOUT_S)
            await eventually(lambda: len({b.boot_id for b in received.batches}) == 2, TIMEOUT_S)
            (first, _) = dict.fromkeys(batch.boot_id for batch in received.batches)
    boots = {batch.boot_id for batch in received.batches}
    for boot_id in boots:
        numbers = sorted({b.sequence for b in received.batches if b.boot_id == boot_id})
        assert list(range(1, len(numbers) + 1)) == numbers
    assert first in boots


async def test_a_slow_link_that_breaks_again_and_again_loses_nothing(edge: Edge) -> None:
    received = Received()
    weather = Weather(latency_s=0.1, break_s=(1.5, 4.0))
    async with (
        running(received.collect(edge.site)),
        open_lossy_link(edge.site.device_url, weather) as link,
    ):
        async with edge.agent(link.url):
            await eventually(lambda: len(received.batches) > 150, TIMEOUT_S)
            assert link.connection_count > 2
        sent = max(received.sequences)
        await eventually(lambda: set(range(1, sent + 1)) <= set(received.sequences), TIMEOUT_S)
    instants = received.instants
    assert list(range(instants[0], instants[-1] + PERIOD_US, PERIOD_US)) == instants


async def test_a_command_is_answered_and_the_end_is_told(edge: Edge) -> None:
    now = SystemClock().now()
    command = CommandMessage("1", "ping", {}, now, now + timedelta(minutes=1))
    async with open_link(edge.site.device_url) as link:
        async with edge.agent(link.url):
            await eventually(lambda: link.connection_count == 1, TIMEOUT_S)
            states = [await next_state(edge)]
            await edge.send("commands/ping", encode_command(command))
            replies = [
                decode_reply(delivery.body, SERIAL)
                for delivery in await edge.site.take(REPLIES_QUEUE, 2)
            ]
            link.cut()
            # The will of the old connection, and what the new one begins with.
            states += [await next_state(edge), await next_state(edge)]
        states.append(await next_state(edge))
    assert [ReplyStatus.RECEIVED, ReplyStatus.SUCCEEDED] == [reply.status for reply in replies]
    assert [True, False, True, False] == [state.is_online for state in states]


async def next_state(edge: Edge) -> StateReport:
    (delivery,) = await edge.site.take(STATE_QUEUE, 1)
    return decode_state(delivery.body, SERIAL)


async def test_a_configuration_from_afar_is_taken_or_refused_without_losing_a_sample(
    edge: Edge,
) -> None:
    good = {"interval_s": 0.1, "settings": {"sample_rate_hz": 20, "noise": 0.5}}
    bad = {"interval_s": 0.1, "settings": {"sample_rate_hz": 0}}
    received = Received()
    async with running(received.collect(edge.site)), edge.agent(edge.site.device_url):
        first = await next_state(edge)
        await eventually(lambda: len(received.batches) > 5, TIMEOUT_S)
        for version, document in ((7, good), (8, bad)):
            message = ConfigurationMessage(version, hash_of(document), document)
            await edge.send("config", encode_configuration(message))
        second, third = await next_state(edge), await next_state(edge)
        stored = json.loads(edge.path.read_text())["devices"][0]
        before = len(received.batches)
        await eventually(lambda: len(received.batches) > before + 5, TIMEOUT_S)
    assert first.configuration is not None
    assert (0, DOCUMENT) == (first.configuration.version, first.configuration.document)
    assert second.configuration is not None
    assert (7, hash_of(good)) == (second.configuration.version, second.configuration.hash)
    assert third.configuration is not None
    assert (7, 8) == (third.configuration.version, third.configuration.rejected_version)
    assert "settings.sample_rate_hz" in third.configuration.error
    assert good == {key: stored[key] for key in good}
    received.assert_whole()


async def test_a_change_by_hand_is_reported_and_a_bad_one_leaves_what_runs(edge: Edge) -> None:
    changed = {"interval_s": 0.5, "settings": {"sample_rate_hz": 20}}
    url = edge.site.device_url
    with capture_logs() as logs:
        async with edge.agent(url):
            await next_state(edge)
            edge.path.write_text("{")
            await eventually(lambda: "configuration_rejected" in str(logs), TIMEOUT_S)
            edge.write(url, changed)
            state = await next_state(edge)
    assert state.configuration is not None
    assert (0, changed) == (state.configuration.version, state.configuration.document)


async def test_what_was_dropped_is_told_with_its_bounds(edge: Edge) -> None:
    edge.spool = {"bytes_max": 1024 * 1024}
    document = {"interval_s": 0.05, "settings": {"sample_rate_hz": 25_000}}
    async with open_link(edge.site.device_url) as link:
        await link.take_down()
        edge.write(link.url, document)
        agent = Agent(read_file(edge.path), {})
        stop = asyncio.Event()
        async with collected_events(edge.site) as events:
            task = asyncio.create_task(agent.run(stop))
            await eventually(lambda: count(edge, "gap") > 0, TIMEOUT_S)
            await link.bring_up()
            await eventually(lambda: "spool_full" in str(events), TIMEOUT_S)
            stop.set()
            await asyncio.wait_for(task, TIMEOUT_S)
    event = next(each for each in events if each.get("kind") == "measurements")
    assert "spool_full" == event["reason"]
    assert event["message_count"] > 0
    assert event["from"] < event["to"]


async def test_a_device_that_fails_and_comes_back_is_told_once_each(edge: Edge) -> None:
    answer, asked = edge.folder / "answer.json", edge.folder / "asked"
    answer.write_text('{"level": 1}')
    script = f"echo >> {asked}; cat {answer}"
    settings = {"command": ["sh", "-c", script]}
    edge.write(edge.site.device_url, {"driver": "exec", "interval_s": 0.1, "settings": settings})
    received = Received()
    stop = asyncio.Event()
    async with running(received.collect(edge.site)), collected_events(edge.site) as events:
        task = asyncio.create_task(Agent(read_file(edge.path), {}).run(stop))
        await eventually(lambda: received.batches, TIMEOUT_S)
        answer.unlink()
        await eventually(lambda: events, TIMEOUT_S)
        before = asked.stat().st_size
        await eventually(lambda: asked.stat().st_size > before + 2, TIMEOUT_S)
        answer.write_text('{"level": 2}')
        await eventually(lambda: len(events) > 1, TIMEOUT_S)
        count_before = len(received.batches)
        await eventually(lambda: len(received.batches) > count_before + 2, TIMEOUT_S)
        stop.set()
        await asyncio.wait_for(task, TIMEOUT_S)
    told = [(event["type"], event["reason"]) for event in events]
    assert [("WARNING", "device_unavailable"), ("RECOVERED", "device_unavailable")] == told
    assert events[1]["outage_s"] > 0


@asynccontextmanager
async def collected_events(site: Site) -> AsyncIterator[list[dict[str, Any]]]:
    """Collect type and data of device events; they are in the stream of the measurements."""
    events: list[dict[str, Any]] = []

    async def collect() -> None:
        (stream,) = partition_streams(1)
        async with open_stream(site.broker.stream_url, stream, 0) as reader:
            while True:
                chunk = await reader.next_chunk()
                for raw in chunk.messages:
                    key, body = split_message(raw)
                    if key.endswith(".events"):
                        batch = decode_events(body, serial_of(key), chunk.received_at_us)
                        events.extend(
                            {"type": event.type, **json.loads(event.data)} for event in batch.events
                        )

    async with running(collect()):
        yield events
