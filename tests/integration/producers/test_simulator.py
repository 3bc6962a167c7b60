"""Simulated devices on real brokers: who they say they are, and no reading missing."""

import asyncio
from collections import defaultdict

import pytest
from structlog.testing import capture_logs

from producers.simulator import simulator_main
from tests.integration.mqtt.proxy import Link, open_link
from tests.integration.producers.conftest import TIMEOUT_S, Site
from weir.codec.device_log import decode_logs
from weir.codec.measurement import MeasurementBatch
from weir.codec.registry import decode_announcement
from weir.config import Settings
from weir.errors import ConfigError
from weir.model.names import LOGS_STREAM, REGISTRY_QUEUE, serial_of
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.mqtt, pytest.mark.rabbitmq]

RATE_HZ = 100
PERIOD_US = 10_000


def settings(url: str) -> Settings:
    return Settings.from_env({"WEIR_MQTT_URL": url})


async def test_devices_announce_themselves_and_measure_without_a_gap(site: Site) -> None:
    serials = ["sim-001", "sim-002", "sim-003"]
    await site.admit(serials)
    batches: dict[str, list[MeasurementBatch]] = defaultdict(list)
    stop = asyncio.Event()
    async with asyncio.timeout(TIMEOUT_S), open_link(site.device_url) as link:
        part = simulator_main(settings(link.url), site.credentials, RATE_HZ, None, stop)
        simulator = asyncio.create_task(part)
        async with site.batches() as arriving:
            async for batch in arriving:
                batches[batch.serial].append(batch)
                if len(batches[serials[0]]) == 2 and link.connection_count == 3:
                    await interrupt(link)
                if len(batches[serials[0]]) > 5:
                    break
        stop.set()
        await simulator

    assert set(serials) == set(batches)
    for serial in serials:
        assert_seamless(batches[serial])
    deliveries = await site.take(REGISTRY_QUEUE, 3)
    announcements = [
        decode_announcement(item.body, serial_of(item.routing_key)) for item in deliveries
    ]
    assert set(serials) == {item.serial for item in announcements}
    assert {RATE_HZ} == {item.sample_rate_hz for item in announcements}
    assert {"acceleration": "m/s2", "temperature": "Cel"} == {
        field.name: field.unit for field in announcements[0].fields
    }
    boots = {item.serial: item.boot_id for item in announcements}
    assert all(batch.boot_id == boots[serial] for serial in serials for batch in batches[serial])
    key, body = await site.first_of(LOGS_STREAM)
    (line,) = decode_logs(body, serial_of(key))
    assert "started" == line.message


async def interrupt(link: Link) -> None:
    """Take the link down until all three devices have noticed."""
    with capture_logs() as logs:
        await link.take_down()
        await eventually(lambda: sum(log["event"] == "dependency_lost" for log in logs) == 3)
        await link.bring_up()


def assert_seamless(batches: list[MeasurementBatch]) -> None:
    """A batch may have come twice; of the others none is missing, and no sample of any."""
    by_sequence = {batch.sequence: batch for batch in batches}
    assert list(range(1, len(by_sequence) + 1)) == sorted(by_sequence)
    times = [
        int(instant)
        for _, batch in sorted(by_sequence.items())
        for column in batch.columns
        if column.name == "acceleration"
        for instant in column.observed_at_us
    ]
    assert times == list(range(times[0], times[-1] + PERIOD_US, PERIOD_US))


async def test_stopping_does_not_need_a_broker() -> None:
    stop = asyncio.Event()
    with capture_logs() as logs:
        credentials = {"sim-001": "", "sim-002": ""}
        part = simulator_main(settings("mqtt://127.0.0.1:1"), credentials, None, None, stop)
        simulator = asyncio.create_task(part)
        await eventually(lambda: "dependency_lost" in str(logs))
        stop.set()
        await asyncio.wait_for(simulator, 5)
    assert 2 == sum(entry["event"] == "dependency_lost" for entry in logs)


async def test_a_refused_device_is_named_and_the_others_go_on(site: Site) -> None:
    await site.admit(["sim-001"])
    credentials = {"sim-000": "wrong", **site.credentials}
    stop = asyncio.Event()
    with capture_logs() as logs:
        part = simulator_main(settings(site.device_url), credentials, None, None, stop)
        simulator = asyncio.create_task(part)
        async with asyncio.timeout(TIMEOUT_S), site.batches() as batches:
            assert "sim-001" == (await anext(batches)).serial
        await eventually(lambda: "refused MQTT user" in str(logs))
        stop.set()
        await simulator
    (loss,) = [entry for entry in logs if entry["event"] == "dependency_lost"]
    assert f"'{site.broker.vhost}:sim-000'" in loss["error"]


async def test_an_impossible_rate_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="--rate 0"):
        await simulator_main(
            settings("mqtt://127.0.0.1:1"), {"sim-001": ""}, 0, None, asyncio.Event()
        )
