"""Downloads of device events and of locations: whole windows, page after page."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pyarrow as pa

from gateway.tables import INSTANT
from weir.postgres.queries import Pool
from weir.postgres.queries.events import (
    EventFilter,
    StoredEvent,
    list_events,
    list_newest_events,
)
from weir.postgres.queries.locations import (
    LocationFilter,
    StoredLocation,
    list_locations,
    list_newest_locations,
)

#: Events of a piece: at most 16 MiB of data.
_EVENTS = 1_000
_LOCATIONS = 10_000

_EVENTS_SCHEMA = pa.schema(
    [
        ("serial", pa.string()),
        ("observed_at", INSTANT),
        ("type", pa.string()),
        ("data", pa.string()),
        ("recorded_at", INSTANT),
    ]
)
_LOCATIONS_SCHEMA = pa.schema(
    [
        ("serial", pa.string()),
        ("observed_at", INSTANT),
        ("latitude_deg", pa.float64()),
        ("longitude_deg", pa.float64()),
        ("altitude_m", pa.float64()),
        ("speed_mps", pa.float64()),
        ("heading_deg", pa.float64()),
        ("fix", pa.string()),
    ]
)


async def download_events(
    pool: Pool, wanted: EventFilter, newest: int | None
) -> AsyncIterator[pa.RecordBatch]:
    """Give the events of a window, or its `newest`, as tables; `data` is JSON text.

    Raises:
        StoreUnavailableError: try again later.
    """
    if newest is not None:
        yield _events_table(await list_newest_events(pool, wanted, newest))
        return
    while True:
        found = await list_events(pool, wanted, _EVENTS)
        yield _events_table(found)
        if len(found) < _EVENTS:
            return
        wanted = replace(wanted, after=found[-1].position)


async def download_locations(
    pool: Pool, wanted: LocationFilter, newest: int | None
) -> AsyncIterator[pa.RecordBatch]:
    """Give the locations of a window, or its `newest`, as tables.

    Raises:
        StoreUnavailableError: try again later.
    """
    if newest is not None:
        yield _locations_table(await list_newest_locations(pool, wanted, newest))
        return
    while True:
        found = await list_locations(pool, wanted, _LOCATIONS)
        yield _locations_table(found)
        if len(found) < _LOCATIONS:
            return
        wanted = replace(wanted, after=found[-1].position)


def _events_table(events: Sequence[StoredEvent]) -> pa.RecordBatch:
    columns: list[list[object]] = [
        [each.serial for each in events],
        [each.position.observed_at for each in events],
        [each.position.type for each in events],
        [each.data for each in events],
        [each.recorded_at for each in events],
    ]
    return _table(columns, _EVENTS_SCHEMA)


def _locations_table(locations: Sequence[StoredLocation]) -> pa.RecordBatch:
    columns: list[list[object]] = [
        [each.serial for each in locations],
        [each.position.observed_at for each in locations],
        [each.latitude_deg for each in locations],
        [each.longitude_deg for each in locations],
        [each.altitude_m for each in locations],
        [each.speed_mps for each in locations],
        [each.heading_deg for each in locations],
        [each.fix.value for each in locations],
    ]
    return _table(columns, _LOCATIONS_SCHEMA)


def _table(columns: Sequence[Sequence[object]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array(column, each.type) for column, each in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)
