"""Device events: carried unchanged, bounded, and never what the database would refuse."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.codec.batches import LATEST_US, NOW_US, SERIAL
from tests.unit.codec.observations import EVENTS
from weir.codec.device_event import decode_events, encode_events
from weir.errors import (
    DecodeError,
    ImplausibleReadingError,
    InvalidMessageError,
    OversizeError,
    WrongSerialError,
)
from weir.model.device_event import DeviceEvent, EventBatch
from weir.model.limits import (
    EVENT_COUNT_MAX,
    EVENT_DATA_BYTES_MAX,
    EVENT_DATA_DEPTH_MAX,
    OBSERVED_AT_US_MIN,
)
from weir.telemetry.v1 import event_pb2 as wire


def decode(message: wire.EventBatch) -> EventBatch:
    return decode_events(message.SerializeToString(), SERIAL, NOW_US)


def event(
    data: bytes = b"", type_: str = "door_opened", observed_at_us: int = NOW_US
) -> wire.EventBatch:
    return wire.EventBatch(
        events=[wire.DeviceEvent(observed_at_us=observed_at_us, type=type_, data_json=data)]
    )


@given(EVENTS, st.integers(0, 2**32 - 1))
def test_events_survive_the_wire_in_order(events: tuple[DeviceEvent, ...], boot_id: int) -> None:
    decoded = decode_events(encode_events(events, boot_id=boot_id), SERIAL, NOW_US)

    assert EventBatch(SERIAL, NOW_US, boot_id, events) == decoded


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"", "{}"),
        (b"{}", "{}"),
        (b' { "b" : 1 , "a" : [ 1.50 , null , true ] } ', '{"a":[1.5,null,true],"b":1}'),
        (
            b'{"name": "\\u00d6l \\ud83d\\ude00"}',
            '{"name":"\N{LATIN CAPITAL LETTER O WITH DIAERESIS}l \N{GRINNING FACE}"}',
        ),
        (b'{"n": 9007199254740992}', '{"n":9007199254740992}'),
        (b'{"n": 1e300}', '{"n":1e+300}'),
        (b'{"text": "\\\\u0000"}', '{"text":"\\\\u0000"}'),
    ],
)
def test_data_are_kept_in_one_spelling(written: bytes, kept: str) -> None:
    assert kept == decode(event(written)).events[0].data


@pytest.mark.parametrize("observed_at_us", [OBSERVED_AT_US_MIN, LATEST_US])
def test_an_event_at_the_edge_of_time_is_taken(observed_at_us: int) -> None:
    decoded = decode(event(observed_at_us=observed_at_us))
    assert observed_at_us == decoded.events[0].observed_at_us


@pytest.mark.parametrize(
    "message",
    [
        event(observed_at_us=OBSERVED_AT_US_MIN - 1),
        event(observed_at_us=LATEST_US + 1),
        event(type_=""),
        event(type_="door opened"),
        event(type_="a\0"),
        event(type_="a\n"),
        event(type_="x" * 101),
        event(b'{"a": "\\u0000"}'),
        event(b'{"\\u0000": 1}'),
        event(b'{"a": [{"b": 9007199254740993}]}'),
        event(b'{"a": -9007199254740993}'),
        event(b'{"a": ' + b"9" * 5_000 + b"}"),
        event(b'{"a": 1e999}'),
        event(b'{"a": NaN}'),
        event(b'{"a": -Infinity}'),
    ],
)
def test_what_cannot_be_is_implausible(message: wire.EventBatch) -> None:
    with pytest.raises(ImplausibleReadingError):
        decode(message)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"{} {}",
        b"[]",
        b"1",
        b"null",
        b"\xff",
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b"{'a': 1}",
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": "\\ud800"}',
        b'{"a": "\n"}',
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
def test_data_that_are_not_one_json_object_are_undecodable(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(event(data))


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def test_data_are_as_deep_as_is_said_and_not_deeper() -> None:
    assert 1 == len(decode(event(nested(EVENT_DATA_DEPTH_MAX))).events)
    with pytest.raises(DecodeError, match="16 levels"):
        decode(event(nested(EVENT_DATA_DEPTH_MAX + 1)))


def test_data_are_as_large_as_is_said_and_not_larger() -> None:
    largest = '{"a":"%s"}' % ("\N{DEGREE SIGN}" * 8_187 + "xx")
    assert EVENT_DATA_BYTES_MAX == len(largest.encode())
    assert largest == decode(event(largest.replace(":", " :\n ").encode())).events[0].data
    with pytest.raises(OversizeError):
        decode(event(largest.replace("xx", "xxx").encode()))


def test_as_many_events_as_is_said_and_not_more() -> None:
    (one,) = event().events
    assert EVENT_COUNT_MAX == len(decode(wire.EventBatch(events=[one] * EVENT_COUNT_MAX)).events)
    with pytest.raises(OversizeError):
        decode(wire.EventBatch(events=[one] * (EVENT_COUNT_MAX + 1)))


def test_no_events_another_serial_and_other_bytes_are_refused() -> None:
    with pytest.raises(DecodeError):
        decode(wire.EventBatch())
    with pytest.raises(DecodeError):
        decode_events(b"\xff", SERIAL, NOW_US)
    with pytest.raises(WrongSerialError):
        decode(wire.EventBatch(serial="other", events=event().events))


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0d8 1e-NaInfity', max_size=60).map(str.encode))
def test_whatever_the_data_are_they_are_an_object_or_refused(data: bytes) -> None:
    try:
        decoded = decode(event(data))
    except InvalidMessageError:
        return
    assert isinstance(json.loads(decoded.events[0].data), dict)
