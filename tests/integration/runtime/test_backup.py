"""After a restore the streams are read on from where the backup has come to: exactly once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.runtime.pipeline import Pipeline, body
from weir import backups
from weir.clock import SystemClock
from weir.config import Settings
from weir.model.names import partition_streams
from weir.postgres.pool import open_pool
from weir.postgres.replay_schema import checksums
from weir.rabbitmq.access import delete_device_user, put_device_user
from weir.rabbitmq.definitions import load_definitions, save_definitions
from weir.testing.addresses import Broker, BrokerAddress, open_vhost
from weir.testing.conditions import eventually
from weir.testing.databases import open_database

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

STREAM = partition_streams(1)[0]
BATCH_COUNT = 40


def settings_of(pipeline: Pipeline) -> Settings:
    return Settings.from_env(
        {
            "WEIR_POSTGRES_URL": pipeline.database_url,
            "WEIR_AMQP_URL": pipeline.broker.amqp_url,
            "WEIR_MANAGEMENT_URL": pipeline.broker.management_url,
        }
    )


async def test_what_came_after_a_backup_is_stored_once_after_its_restore(
    pipeline: Pipeline, postgres_url: str, tmp_path: Path
) -> None:
    half = BATCH_COUNT // 2
    async with pipeline.worker():
        for sequence in range(half):
            await pipeline.publish(STREAM, body(sequence, [1.0, float(sequence)]))
        await eventually(lambda: _has_stored(pipeline, half // 2))
        settings, now = settings_of(pipeline), SystemClock().now()
        folder, _ = await backups.back_up(settings, tmp_path, now, {}, lambda _: None)
        for sequence in range(half, BATCH_COUNT):
            await pipeline.publish(STREAM, body(sequence, [1.0, float(sequence)]))
        await eventually(lambda: _has_stored(pipeline, BATCH_COUNT))

    async with open_database(postgres_url, f"{pipeline.broker.vhost.replace('-', '_')}_2") as url:
        beside = Settings.from_env({"WEIR_POSTGRES_URL": url})
        await backups.restore(beside, folder, is_broker_new=False, report=lambda _: None)
        async with open_pool(url) as pool:
            restored = replace(pipeline, database_url=url, pool=pool)
            resumed_at = await restored.next_offset(STREAM)
            assert half // 2 <= resumed_at <= half
            async with restored.worker():
                await eventually(lambda: _has_stored(restored, BATCH_COUNT))
            assert 2 * BATCH_COUNT == await restored.count()
            live, again = await checksums(pipeline.pool, "public"), await checksums(pool, "public")
            assert live["reading"].count == again["reading"].count


async def _has_stored(pipeline: Pipeline, batch_count: int) -> bool:
    return await pipeline.next_offset(STREAM) >= batch_count


@pytest.fixture
def newer(broker_address: BrokerAddress, broker: Broker) -> Iterator[Broker]:
    with open_vhost(broker_address, f"{broker.vhost}-2") as another:
        yield another


async def test_devices_are_let_in_by_the_restored_broker(
    pipeline: Pipeline, tmp_path: Path, newer: Broker
) -> None:
    """Into another virtual host: the name of one is no part of a backup."""
    broker, serial = pipeline.broker, f"{pipeline.broker.vhost}-pump"
    await put_device_user(broker.management_url, broker.vhost, serial, "password")
    settings = settings_of(pipeline)
    folder, _ = await backups.back_up(settings, tmp_path, SystemClock().now(), {}, lambda _: None)
    saved = json.loads((folder / "rabbitmq-definitions.json").read_text())
    assert [serial] == [user["name"] for user in saved["users"] if user["name"] == serial]
    assert "password_hash" in saved["users"][0]
    await delete_device_user(broker.management_url, serial)
    await load_definitions(newer.management_url, newer.vhost, saved)
    again = await save_definitions(newer.management_url, newer.vhost, [])
    await delete_device_user(newer.management_url, serial)
    assert _of(saved, serial) == _of(again, serial)
    assert {STREAM} <= {queue["name"] for queue in again["queues"]}


def _of(definitions: dict[str, list[dict[str, str]]], serial: str) -> list[dict[str, str]]:
    return [
        item
        for kind in ("users", "permissions", "topic_permissions")
        for item in definitions[kind]
        if serial in (item.get("name"), item.get("user"))
    ]
