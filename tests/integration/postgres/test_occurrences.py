"""Device events and locations beside the readings, in one transaction of a real PostgreSQL."""

import json
from datetime import datetime

import asyncpg
import pytest

from weir.clock import from_us
from weir.codec.device_event import decode_events, encode_events
from weir.codec.measurement import FieldColumn, MeasurementBatch
from weir.codec.telemetry import Telemetry
from weir.errors import ConflictError, RejectedByStoreError
from weir.model.device_event import DeviceEvent, EventBatch
from weir.model.location import Fix, Location, LocationBatch
from weir.ports import AppendReport, Checkpoint
from weir.postgres.device_ids import DeviceIds
from weir.postgres.readings import PostgresReadingStore

pytestmark = pytest.mark.postgres

NOW_US = 1_790_000_000_000_000


def events(*given: tuple[int, str, str], serial: str = "truck-1") -> EventBatch:
    """Give a batch of (seconds after `NOW_US`, type, data)."""
    return EventBatch(
        serial,
        NOW_US,
        1,
        tuple(
            DeviceEvent(NOW_US + second * 1_000_000, type_, data) for second, type_, data in given
        ),
    )


def locations(*given: Location, serial: str = "truck-1") -> LocationBatch:
    return LocationBatch(serial, NOW_US, 1, given)


def at(
    second: int,
    latitude_deg: float,
    *,
    altitude_m: float | None = None,
    speed_mps: float | None = None,
) -> Location:
    return Location(NOW_US + second * 1_000_000, latitude_deg, 13.4, altitude_m, speed_mps)


def reading(value: float, serial: str = "truck-1") -> MeasurementBatch:
    column = FieldColumn("load", "t", 0, [NOW_US], [value], [])
    return MeasurementBatch(
        serial, NOW_US, 1, 1, 0, is_correction=False, columns=[column], reading_count=1
    )


class Writer:
    """Appends batches one after another, as the only writer of one stream."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.store = PostgresReadingStore(pool)
        self.offset = 0

    async def append(self, *batches: Telemetry) -> AppendReport:
        start = Checkpoint("measurements", "stream.0", self.offset)
        report = await self.store.append(start, self.offset + 1, batches, [])
        self.offset += 1
        return report


@pytest.fixture
def writer(pool: asyncpg.Pool) -> Writer:
    return Writer(pool)


async def test_events_are_stored_with_their_device(pool: asyncpg.Pool, writer: Writer) -> None:
    report = await writer.append(
        events((0, "started", "{}"), (1, "outage", '{"phase":2}')),
        events((0, "started", "{}"), serial="truck-2"),
    )

    assert AppendReport(event_count=3) == report
    rows = await pool.fetch(
        "SELECT serial, observed_at, type, data::text FROM device_event"
        " JOIN device USING (device_id) ORDER BY serial, observed_at"
    )
    assert [
        ("truck-1", from_us(NOW_US), "started", "{}"),
        ("truck-1", from_us(NOW_US + 1_000_000), "outage", '{"phase": 2}'),
        ("truck-2", from_us(NOW_US), "started", "{}"),
    ] == [tuple(row) for row in rows]
    enrolled = await pool.fetch("SELECT entity_id FROM journal WHERE type = 'device_enrolled'")
    assert ["truck-1", "truck-2"] == [row["entity_id"] for row in enrolled]


async def test_an_event_that_is_sent_again_is_stored_once_and_another_is_kept_beside_it(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    await writer.append(events((0, "outage", '{"phase":1}'), (0, "outage", '{"phase":1}')))

    report = await writer.append(
        events((0, "outage", '{"phase":1}'), (0, "outage", '{"phase":2}'), (0, "alarm", "{}"))
    )

    assert AppendReport(event_count=2, repeated_count=1) == report
    assert 3 == await pool.fetchval("SELECT count(*) FROM device_event")


async def test_locations_are_stored_as_they_were_given(pool: asyncpg.Pool, writer: Writer) -> None:
    full = Location(NOW_US, 52.52, 13.405, 34.5, 1.25, 270.0, Fix.DIFFERENTIAL)
    bare = Location(NOW_US + 1, -90.0, 180.0)

    assert AppendReport(location_count=2) == await writer.append(locations(full, bare))

    rows = await pool.fetch("SELECT * FROM location ORDER BY observed_at")
    assert [full, bare] == [
        Location(
            NOW_US + index,
            row["latitude_deg"],
            row["longitude_deg"],
            row["altitude_m"],
            row["speed_mps"],
            row["heading_deg"],
            Fix(row["fix"]),
        )
        for index, row in enumerate(rows)
    ]


async def test_the_first_location_stays_and_repeats_and_conflicts_are_counted(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    first = await writer.append(locations(at(0, 1.0), at(0, 2.0), at(1, 3.0, speed_mps=0.1)))
    again = await writer.append(
        locations(at(0, 1.0), at(1, 9.0), at(1, 3.0), at(2, 4.0, altitude_m=1.0))
    )

    assert AppendReport(location_count=2, conflicting_count=1) == first
    # Not saying the speed is another location than saying it.
    assert AppendReport(location_count=1, repeated_count=1, conflicting_count=2) == again
    rows = await pool.fetch("SELECT latitude_deg FROM location ORDER BY observed_at")
    assert [1.0, 3.0, 4.0] == [row["latitude_deg"] for row in rows]


async def test_all_kinds_are_stored_in_one_transaction(pool: asyncpg.Pool, writer: Writer) -> None:
    batches = reading(1.0), events((5, "started", "{}")), locations(at(9, 1.0))

    assert AppendReport(1, event_count=1, location_count=1) == await writer.append(*batches)

    seen: datetime = await pool.fetchval("SELECT last_observed_at FROM device_activity")
    assert from_us(NOW_US + 9_000_000) == seen
    assert 1 == await pool.fetchval("SELECT count(*) FROM device")

    late = Writer(pool)
    with pytest.raises(ConflictError):
        await late.append(events((6, "stopped", "{}")), locations(at(10, 1.0)))
    assert 1 == await pool.fetchval("SELECT count(*) FROM device_event")
    assert 1 == await pool.fetchval("SELECT count(*) FROM location")


@pytest.mark.parametrize(
    "data",
    [
        '{"largest":1.7976931348623157e+308,"smallest":5e-324,"zero":-0.0,"exact":-9007199254740992}',
        '{"":"","\\u001f":"\\\\ \\" \\u2028","\U0010ffff":"\uffff"}',
        '{"a":' * 15 + "{}" + "}" * 15,
        '{"a":[' + "[]," * 5_000 + "{}]}",
    ],
)
async def test_what_the_codec_passes_the_database_stores(
    pool: asyncpg.Pool, writer: Writer, data: str
) -> None:
    body = encode_events([DeviceEvent(NOW_US, "odd", data)])
    batch = decode_events(body, "truck-1", NOW_US)

    assert AppendReport(event_count=1) == await writer.append(batch)

    stored = await pool.fetchval("SELECT data::text FROM device_event")
    # It writes large numbers out, digit for digit.
    assert json.loads(data, parse_int=float) == json.loads(stored, parse_int=float)


async def test_what_the_database_refuses_stores_nothing(pool: asyncpg.Pool, writer: Writer) -> None:
    # The codec lets none of this pass.
    for refused in (
        events((0, "a", "[]")),
        events((0, "a", '{"a":"\\u0000"}')),
        locations(at(0, 91)),
    ):
        with pytest.raises(RejectedByStoreError):
            await writer.append(reading(1.0), refused)

    assert 0 == await pool.fetchval("SELECT count(*) FROM reading")


async def test_ids_are_looked_up_again_when_there_are_too_many(pool: asyncpg.Pool) -> None:
    ids = DeviceIds(pool, cached_max=2)
    first = await ids.resolve(["a", "b"])
    second = await ids.resolve(["b", "c", "a"])

    assert first == {serial: second[serial] for serial in ("a", "b")}
    assert {} == await ids.resolve([])
    assert 3 == await pool.fetchval("SELECT count(*) FROM device")
