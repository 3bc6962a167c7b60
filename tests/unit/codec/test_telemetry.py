"""The kind in the routing key says how a message is read; whatever comes is read or refused."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.codec.batches import LATEST_US, NOW_US, SERIAL, encode_one
from tests.unit.codec.test_hostile_bytes import mutate
from weir.codec.device_event import encode_events
from weir.codec.device_log import decode_logs, encode_logs
from weir.codec.json_forms.announcement import decode_announcement_json
from weir.codec.json_forms.logs import decode_logs_json
from weir.codec.json_forms.measurements import decode_header_json
from weir.codec.location import encode_locations
from weir.codec.measurement import MeasurementBatch
from weir.codec.registry import decode_announcement, encode_announcement
from weir.codec.telemetry import count_rows, decode_telemetry
from weir.errors import InvalidMessageError, UnknownEventError
from weir.model.announcement import Announcement, FieldDescription
from weir.model.device_event import DeviceEvent, EventBatch
from weir.model.device_log import Level, LogEntry
from weir.model.limits import OBSERVED_AT_US_MIN
from weir.model.location import Fix, Location, LocationBatch

EVENT = DeviceEvent(NOW_US, "outage", '{"phases":[1,2],"why":"\\u00fc\\"","load":{"kw":1.5e3}}')
LOCATION = Location(NOW_US, 52.5, 13.4, 34.0, 1.5, 270.0, Fix.THREE_DIMENSIONS)
ANNOUNCEMENT = Announcement(SERIAL, "P100", "1.2.3", (FieldDescription("x", "bar"),), 25.0, 7)
LINE = LogEntry(NOW_US, Level.ERROR, "dry run", {"rpm": "0"})
TIMES = '"2026-11-21T08:00:00.25Z",1795248001000000'

#: A valid message of each kind, to break.
BODIES: dict[str, list[bytes]] = {
    "measurements": [encode_one([1.5, 2.5, -3.5])],
    "measurements.json": [
        f'{{"fields":[{{"name":"x","times":[{TIMES}],"values":[1,2.5]}}],"boot_id":7}}'.encode(),
        b'{"fields":[{"name":"x","start":1795248000000000,"period_us":40,"values":["a","b"]}]}',
        b'{"time":"2026-11-21T08:00:00+01:00","values":{"x":1,"door":"open","on":true}}',
        b'{"readings":[{"time":"2026-11-21T08:00:00Z","field":"x","value":1e3,"quality":"bad"}]}',
    ],
    "events": [encode_events([EVENT, EVENT])],
    "events.json": [
        b'{"events":[{"time":1795248000000000,"type":"outage","data":'
        + EVENT.data.encode()
        + b"}]}"
    ],
    "locations": [encode_locations([LOCATION, LOCATION])],
    "locations.json": [
        b'{"locations":[{"time":1795248000000000,"latitude_deg":52.5,"longitude_deg":13,"fix":"3d"}]}',
        b'{"locations":[{"time":1795248000000000,"latitude_deg":-1,"longitude_deg":0.5e1}]}',
        b'{"locations":[{"time":1795248000000000,"latitude_deg":2,"longitude_deg":3,"heading_deg":4}]}',
    ],
    "registry": [encode_announcement(ANNOUNCEMENT)],
    "registry.json": [
        b'{"model":"P100","firmware":"1.2.3","fields":[{"name":"x","unit":"bar","kind":"gauge"}]}',
        b'{"sample_rate_hz":25,"device_time":"2026-11-21T08:00:00Z","boot_id":7}',
    ],
    "logs": [encode_logs([LINE, LINE])],
    "logs.json": [
        b'{"entries":[{"time":1795248000000000,"level":"error","message":"dry","attributes":{"a":"b"}}]}'
    ],
}
QUEUED: dict[str, Callable[[bytes, str], object]] = {
    "registry": decode_announcement,
    "registry.json": decode_announcement_json,
    "logs": decode_logs,
    "logs.json": decode_logs_json,
}
#: What a mutation may plant into JSON: where its readers differ, and where its numbers end.
TOKENS = [
    *(bytes([byte]) for byte in b'{}[]",:\\-\xff'),
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0.0", b"1e-400", b"9007199254740993"),
    *(b"\\ud800", b"\\u0000", b"\xef\xbb\xbf", b"9" * 400, b"[" * 2_000),
]


def read_or_refuse(kind: str, body: bytes) -> None:
    """Decode: only a refusal may be raised, and what passes must be storable."""
    try:
        if kind in QUEUED:
            QUEUED[kind](body, SERIAL)
            return
        if kind == "measurements.json":
            decode_header_json(body)
        batch = decode_telemetry(kind, body, SERIAL, NOW_US)
    except InvalidMessageError as error:
        # What a dead letter says must be storable too.
        str(error).encode("utf-8")
        return
    assert count_rows(batch) >= 1
    match batch:
        case EventBatch():
            for event in batch.events:
                assert OBSERVED_AT_US_MIN <= event.observed_at_us <= LATEST_US
                data: Any = json.loads(event.data.encode("utf-8"))
                assert isinstance(data, dict)
        case LocationBatch():
            for location in batch.locations:
                assert abs(location.latitude_deg) <= 90
                assert abs(location.longitude_deg) <= 180
        case MeasurementBatch():
            for column in batch.columns:
                assert len(column.observed_at_us) == len(column.numbers) + len(column.texts)
                assert all(OBSERVED_AT_US_MIN <= at <= LATEST_US for at in column.observed_at_us)


def mutate_json(body: bytes, rng: random.Random) -> bytes:
    """Break JSON between its tokens as well as between its bytes."""
    mutated = body
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(mutated) + 1)
        cut = rng.choice([0, 0, 1, 4])
        mutated = mutated[:at] + rng.choice(TOKENS) + mutated[at + cut :]
    return mutated


@pytest.mark.parametrize("kind", BODIES)
def test_a_valid_message_of_each_kind_is_read(kind: str) -> None:
    for body in BODIES[kind]:
        if kind in QUEUED:
            assert QUEUED[kind](body, SERIAL)
        else:
            assert count_rows(decode_telemetry(kind, body, SERIAL, NOW_US)) >= 1


@pytest.mark.parametrize("kind", BODIES)
@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_random_bytes_are_read_or_refused(kind: str, body: bytes) -> None:
    read_or_refuse(kind, body)


@pytest.mark.parametrize(
    "kind", ["", "measurement", "measurements.", "events.xml", "logs", "state"]
)
def test_a_kind_that_nobody_knows_is_refused_as_such(kind: str) -> None:
    with pytest.raises(UnknownEventError, match="no telemetry"):
        decode_telemetry(kind, b"", SERIAL, NOW_US)


@pytest.mark.parametrize("kind", BODIES)
def test_mutations_are_read_or_refused(kind: str) -> None:
    hammer(kind, seed=1, count=1_000)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("kind", BODIES)
def test_a_million_mutations_over_all_kinds_are_read_or_refused(kind: str) -> None:
    hammer(kind, seed=2, count=100_000)


def hammer(kind: str, seed: int, count: int) -> None:
    rng = random.Random(f"{kind} {seed}")
    for _ in range(count):
        valid = rng.choice(BODIES[kind])
        is_json = kind.endswith(".json") and rng.random() < 0.7
        body = mutate_json(valid, rng) if is_json else mutate(valid, rng)
        try:
            read_or_refuse(kind, body)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {body!r}") from error
