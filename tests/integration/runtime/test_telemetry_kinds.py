"""Events, locations and JSON from a real stream into a real database, beside protobuf readings."""

import json

import pytest

from consumers.aggregates import Aggregates
from consumers.gaps import Gaps
from tests.integration.runtime.pipeline import START_US, Pipeline, body
from weir.clock import from_us
from weir.codec.device_event import encode_events
from weir.codec.location import encode_locations
from weir.model.device_event import DeviceEvent
from weir.model.location import Fix, Location
from weir.model.names import partition_streams
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

(STREAM,) = partition_streams(1)
OUTAGE = DeviceEvent(START_US, "outage", '{"phase":2,"why":"grid \N{DEGREE SIGN}"}')
HERE = Location(START_US, 52.52, 13.405, 34.5, None, 270.0, Fix.THREE_DIMENSIONS)


def spelled(instant_us: int) -> str:
    return from_us(instant_us).isoformat().replace("+00:00", "Z")


def outage_json() -> bytes:
    data = json.loads(OUTAGE.data)
    event = {"time": spelled(START_US), "type": "outage", "data": data}
    return json.dumps({"events": [event]}).encode()


def readings_json(sequence: int, values: list[float]) -> bytes:
    """Give the JSON twin of `body(sequence, values)`."""
    start_us = START_US + sequence * 1_000_000
    field = {"name": "pressure", "start": start_us, "period_us": 1_000, "values": values}
    return json.dumps({"boot_id": 1, "sequence": sequence, "fields": [field]}).encode()


async def test_all_kinds_of_one_stream_are_stored(pipeline: Pipeline) -> None:
    await pipeline.publish(STREAM, encode_events([OUTAGE]), kind="events")
    await pipeline.publish(STREAM, body(1, [1.0, 2.0]))
    await pipeline.publish(STREAM, encode_locations([HERE]), kind="locations")
    await pipeline.publish(STREAM, readings_json(2, [3.0, 4.5]), kind="measurements.json")

    async with pipeline.worker():
        await committed(pipeline, 4)

    rows = await pipeline.pool.fetch("SELECT value FROM reading ORDER BY observed_at")
    assert [1.0, 2.0, 3.0, 4.5] == [row["value"] for row in rows]
    (event,) = await pipeline.pool.fetch("SELECT * FROM device_event")
    assert (from_us(START_US), "outage") == (event["observed_at"], event["type"])
    assert json.loads(OUTAGE.data) == json.loads(event["data"])
    (location,) = await pipeline.pool.fetch("SELECT * FROM location")
    assert (52.52, 13.405, 34.5, None, 270.0, "3d") == tuple(location)[2:]
    assert 1 == await pipeline.count("device")
    assert 0 == await pipeline.count("dead_letter")


async def test_what_comes_again_in_the_other_form_is_stored_once(pipeline: Pipeline) -> None:
    for _ in range(3):
        await pipeline.publish(STREAM, encode_events([OUTAGE]), kind="events")
        await pipeline.publish(STREAM, outage_json(), kind="events.json")
        await pipeline.publish(STREAM, body(1, [1.0, 2.5]))
        await pipeline.publish(STREAM, readings_json(1, [1.0, 2.5]), kind="measurements.json")
        await pipeline.publish(STREAM, encode_locations([HERE]), kind="locations")

    async with pipeline.worker():
        await committed(pipeline, 15)

    assert 2 == await pipeline.count()
    assert 1 == await pipeline.count("device_event")
    assert 1 == await pipeline.count("location")


async def test_the_first_location_of_an_instant_stays_over_restarts(pipeline: Pipeline) -> None:
    for index in range(6):
        moved = Location(START_US, float(index), 13.0)
        await pipeline.publish(STREAM, encode_locations([moved]), kind="locations")
        async with pipeline.worker():
            await committed(pipeline, index + 1)

    assert [0.0] == await latitudes(pipeline)


async def test_a_device_that_only_tells_events_is_enrolled(pipeline: Pipeline) -> None:
    await pipeline.publish(STREAM, outage_json(), "door-1", "events.json")

    async with pipeline.worker():
        await committed(pipeline, 1)

    assert "door-1" == await pipeline.pool.fetchval("SELECT serial FROM device")
    assert 1 == await pipeline.count("device_activity")


async def test_poison_of_any_kind_is_kept_and_its_neighbours_are_stored(
    pipeline: Pipeline,
) -> None:
    long_ago = encode_locations([Location(1, 0.0, 0.0)])
    poison = [
        ("measurements.json", b'{"time": 1, "values": {"x": 1, "x": 2}}', "undecodable"),
        ("measurements.json", b'{"time": "now", "values": {"x": 1}}', "undecodable"),
        ("measurements.json", b'{"time": 1, "values": {"x": 1}}', "implausible"),
        ("measurements.json", readings_json(9, [2.0**53 + 2]).replace(b".0]", b"]"), "implausible"),
        ("events.json", outage_json().replace(b'"grid', b'"\\u0000grid'), "implausible"),
        ("events.json", outage_json().replace(b'"grid', b'"\\ud800grid'), "undecodable"),
        ("events", b"\xff\xff", "undecodable"),
        ("events", body(1, [1.0]), "undecodable"),
        ("locations", long_ago, "implausible"),
        ("measurements.xml", b"<x>1</x>", "unknown_type"),
        (
            "measurements.json",
            b'{"serial": "other", "time": %d, "values": {"x": 1}}' % START_US,
            "wrong_serial",
        ),
    ]
    for index, (kind, content, _) in enumerate(poison):
        await pipeline.publish(STREAM, readings_json(index, [1.5]), kind="measurements.json")
        await pipeline.publish(STREAM, content, kind=kind)

    async with pipeline.worker():
        await committed(pipeline, 2 * len(poison))

    assert len(poison) == await pipeline.count()
    rows = await pipeline.pool.fetch("SELECT * FROM dead_letter ORDER BY source_offset")
    assert [(f"sensor.pump-1.{kind}", content, reason) for kind, content, reason in poison] == [
        (row["routing_key"], row["body"], row["reason"]) for row in rows
    ]


async def test_minutes_and_gaps_follow_json_and_pass_over_the_rest(pipeline: Pipeline) -> None:
    async with pipeline.worker(), pipeline.worker(Aggregates), pipeline.worker(Gaps):
        await pipeline.publish(STREAM, outage_json(), kind="events.json")
        await pipeline.publish(STREAM, readings_json(1, [1.0, -2.0]), kind="measurements.json")
        await pipeline.publish(STREAM, encode_locations([HERE]), kind="locations")
        await pipeline.publish(STREAM, readings_json(3, [4.0]), kind="measurements.json")
        for consumer in ("aggregates", "gaps"):
            await committed(pipeline, 4, consumer)

    rows = await pipeline.pool.fetch("SELECT * FROM rollup_minute")
    assert (3, 3.0) == (sum(row["count"] for row in rows), sum(row["sum"] for row in rows))
    assert 1 == await pipeline.pool.fetchval("SELECT missing_count FROM device_sequence")
    assert 0 == await pipeline.count("dead_letter")


async def committed(pipeline: Pipeline, offset: int, consumer: str = "measurements") -> None:
    async def is_passed() -> bool:
        assert offset == await pipeline.next_offset(STREAM, consumer)
        return True

    await eventually(is_passed, timeout_s=30)


async def latitudes(pipeline: Pipeline) -> list[float]:
    rows = await pipeline.pool.fetch("SELECT latitude_deg FROM location ORDER BY observed_at")
    return [row["latitude_deg"] for row in rows]
