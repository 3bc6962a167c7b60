"""Short ways to store events and locations, as the writer does."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from tests.integration.gateway.conftest import at
from weir.clock import to_us
from weir.codec.json_text import compact_json
from weir.model.device_event import DeviceEvent
from weir.model.location import Fix, Location
from weir.postgres.device_events import insert_events
from weir.postgres.locations import insert_locations


async def add_events(
    pool: asyncpg.Pool, serial: str, events: Sequence[tuple[float, str, dict[str, Any]]]
) -> None:
    """Store events given as (seconds after `START`, type, data)."""
    device_id = await device_id_of(pool, serial)
    rows = [
        (device_id, DeviceEvent(to_us(at(second)), type_, compact_json(data)))
        for second, type_, data in events
    ]
    async with pool.acquire() as connection:
        await insert_events(connection, rows)


async def add_locations(
    pool: asyncpg.Pool, serial: str, places: Sequence[tuple[float, float, float]], **more: Any
) -> None:
    """Store locations given as (seconds after `START`, latitude, longitude)."""
    device_id = await device_id_of(pool, serial)
    details = {"fix": Fix.THREE_DIMENSIONS, **more}
    rows = [
        (device_id, Location(to_us(at(second)), latitude, longitude, **details))
        for second, latitude, longitude in places
    ]
    async with pool.acquire() as connection:
        await insert_locations(connection, rows)


async def device_id_of(pool: asyncpg.Pool, serial: str) -> int:
    return int(await pool.fetchval("SELECT device_id FROM device WHERE serial = $1", serial))
