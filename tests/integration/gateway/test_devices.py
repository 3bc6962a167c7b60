"""The resource `/v1/devices` on a real database."""

from datetime import timedelta

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import AddDevice, AddReadings, at
from weir.testing.clock import START, ManualClock

pytestmark = pytest.mark.postgres


async def serials(client: httpx.AsyncClient, query: str = "") -> list[str]:
    response = await client.get(f"/v1/devices?{query}")
    assert response.status_code == 200, response.text
    return [device["serial"] for device in response.json()["devices"]]


async def test_devices_are_listed_by_serial(
    client: httpx.AsyncClient, add_device: AddDevice
) -> None:
    for serial in ("pump-2", "crane-1", "Pump-3"):
        await add_device(serial)

    assert sorted(["crane-1", "pump-2", "Pump-3"]) == sorted(await serials(client))
    assert await serials(client) == await serials(client, "limit=3")


async def test_pages_give_every_device_once(
    client: httpx.AsyncClient, add_device: AddDevice
) -> None:
    for index in range(7):
        await add_device(f"pump-{index}")
    found: list[str] = []
    query = "limit=3"
    while True:
        page = (await client.get(f"/v1/devices?{query}")).json()
        found += [device["serial"] for device in page["devices"]]
        if page["next_cursor"] is None:
            break
        query = f"limit=3&cursor={page['next_cursor']}"

    assert [f"pump-{index}" for index in range(7)] == found


async def test_devices_are_filtered(
    client: httpx.AsyncClient, add_device: AddDevice, clock: ManualClock, pool: asyncpg.Pool
) -> None:
    await add_device("crane-1", site="harbour", model="VX-1", seen_at=clock.now())
    await add_device("crane-2", site="harbour", seen_at=clock.now() - timedelta(hours=1))
    await add_device("pump-1", model="VX-1")
    await pool.execute("UPDATE device SET state = 'pending' WHERE serial = 'pump-1'")

    assert await serials(client, "state=pending") == ["pump-1"]
    assert await serials(client, "state=active") == ["crane-1", "crane-2"]
    assert await serials(client, "site=harbour") == ["crane-1", "crane-2"]
    assert await serials(client, "model=VX-1") == ["crane-1", "pump-1"]
    assert await serials(client, "presence=online") == ["crane-1"]
    assert await serials(client, "presence=offline") == ["crane-2"]
    assert await serials(client, "presence=never_seen") == ["pump-1"]
    assert await serials(client, "search=crane-") == ["crane-1", "crane-2"]
    assert await serials(client, "search=%25") == []
    assert await serials(client, "search=c&site=harbour&presence=online&model=VX-1") == ["crane-1"]


async def test_devices_are_found_by_what_they_measure(
    client: httpx.AsyncClient, add_device: AddDevice, add_readings: AddReadings
) -> None:
    for serial in ("crane-1", "crane-2", "pump-1"):
        await add_device(serial)
    await add_readings("crane-1", "tilt", {0: 1.0})
    await add_readings("pump-1", "tilt", {0: 1.0})
    await add_readings("crane-2", "tilt.x", {0: 1.0})

    assert await serials(client, "field=tilt") == ["crane-1", "pump-1"]
    assert await serials(client, "field=tilt&search=crane") == ["crane-1"]


async def test_a_device_is_shown_with_the_newest_reading_of_each_field(
    client: httpx.AsyncClient, add_device: AddDevice, add_readings: AddReadings
) -> None:
    await add_device("pump-1", model="VX-1", seen_at=at(5))
    await add_readings("pump-1", "pressure", {0: 1.5, 1.000001: 2.5}, "bar")
    await add_readings("pump-1", "mode", {0: "idle", 2: "pumping"})
    await add_readings("pump-1", "was_text", {0: "off", 3: 0.0})
    await add_readings("pump-1", "became_text", {0: 0.0, 3: "off"})
    await add_readings("pump-1", "silent", {})

    device = (await client.get("/v1/devices/pump-1")).json()

    newest = {f["field"]: (f["last_value"], f["last_observed_at"]) for f in device.pop("fields")}
    assert newest == {
        "became_text": ("off", "2026-03-14T15:09:29.000000Z"),
        "mode": ("pumping", "2026-03-14T15:09:28.000000Z"),
        "pressure": (2.5, "2026-03-14T15:09:27.000001Z"),
        "silent": (None, None),
        "was_text": (0.0, "2026-03-14T15:09:29.000000Z"),
    }
    assert device == {
        "serial": "pump-1",
        "name": "",
        "organisation": "default",
        "site": "unassigned",
        "model": "VX-1",
        "firmware": "",
        "sample_rate_hz": 0.0,
        "state": "active",
        "presence": "online",
        "presence_reason": "heard",
        "presence_changed_at": "2026-03-14T15:09:31.000000Z",
        "enrolled_at": "2026-03-14T15:09:26.000000Z",
        "announced_at": None,
        "last_seen_at": "2026-03-14T15:09:31.000000Z",
        "last_observed_at": "2026-03-14T15:09:31.000000Z",
        "version": 1,
        "gaps": [],
    }


@pytest.mark.parametrize("serial", ["pump-2", "PUMP-1", "a%00b", "%ff", "a" * 5_000, "%2e%2e"])
async def test_an_unknown_serial_is_not_found(
    client: httpx.AsyncClient, add_device: AddDevice, serial: str
) -> None:
    await add_device("pump-1")

    response = await client.get(f"/v1/devices/{serial}")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


async def test_the_status_counts_what_there_is(
    client: httpx.AsyncClient, add_device: AddDevice, add_readings: AddReadings, pool: asyncpg.Pool
) -> None:
    await add_device("pump-1", seen_at=START)
    await add_device("pump-2")
    await add_readings("pump-1", "pressure", {0: 1.5})
    await pool.execute("INSERT INTO stream_offset VALUES ('measurements', 's.0', 7, $1)", START)

    status = (await client.get("/v1/status")).json()

    assert status.pop("storage") in {"plain", "timescaledb"}
    assert status == {
        "device_count": 2,
        "online_device_count": 1,
        "series_count": 1,
        "dead_letter_count": 0,
        "last_seen_at": "2026-03-14T15:09:26.000000Z",
        "progress": [
            {
                "consumer": "measurements",
                "stream": "s.0",
                "next_offset": 7,
                "recorded_at": "2026-03-14T15:09:26.000000Z",
            }
        ],
    }
