"""Taking routing key and body out of what brokers store: bytes recorded from 3.10.8 and 4.3.6."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.errors import DecodeError
from weir.rabbitmq.amqp10 import split_message

#: AMQP 0-9-1 publish with a header and a message id, stored by 4.3.6.
AMQP_4_3 = (
    b"\x00Sp\xc0\x07\x05AP\x00@AC"
    b"\x00Sr\xc18\x04\xa3\rx-routing-key\xa1\x15sensor.x.measurements\xa3\nx-exchange\xa1\x03iot"
    b"\x00Ss\xc0\x05\x01\xa1\x02m1"
    b"\x00St\xc1\x06\x02\xa1\x01aQ\x01"
    b"\x00Su\xa0\x05hello"
)
#: MQTT publish of 300 bytes, stored by 4.3.6.
MQTT_4_3 = (
    b"\x00Sp\xc0\x06\x05A@@AC"
    b"\x00Sr\xc1:\x04\xa3\rx-routing-key\xa1\x17sensor.abc.measurements\xa3\nx-exchange\xa1\x03iot"
    b"\x00Su\xb0\x00\x00\x01\x2c" + b"x" * 300
)


def symbol(text: bytes) -> bytes:
    return b"\xa3" + bytes([len(text)]) + text


def string(text: bytes) -> bytes:
    return b"\xa1" + bytes([len(text)]) + text


def annotations(*pairs: bytes, wide: bool = False) -> bytes:
    content = b"".join(pairs)
    if wide:
        sizes = (len(content) + 4).to_bytes(4, "big") + len(pairs).to_bytes(4, "big")
        return b"\x00\x53\x72\xd1" + sizes + content
    return b"\x00\x53\x72\xc1" + bytes([len(content) + 1, len(pairs)]) + content


def data(body: bytes) -> bytes:
    return b"\x00\x53\x75\xb0" + len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("raw", "routing_key", "body"),
    [
        (AMQP_4_3, "sensor.x.measurements", b"hello"),
        (MQTT_4_3, "sensor.abc.measurements", b"x" * 300),
        (data(b""), "", b""),
        (data(b"one") + data(b"two"), "", b"onetwo"),
        (annotations(symbol(b"x-opt"), b"\x41") + data(b"b"), "", b"b"),
    ],
)
def test_what_brokers_store_is_taken_apart(raw: bytes, routing_key: str, body: bytes) -> None:
    assert (routing_key, body) == split_message(raw)


@pytest.mark.parametrize("wide", [False, True])
def test_the_routing_key_is_found_wherever_the_map_has_it(wide: bool) -> None:
    pairs = (
        symbol(b"x-opt-n"),
        b"\x80" + bytes(8),
        symbol(b"x-routing-key"),
        string(b"sensor.a.b"),
    )

    routing_key, _ = split_message(annotations(*pairs, wide=wide) + data(b"."))

    assert "sensor.a.b" == routing_key


def test_a_value_that_looks_like_the_annotation_is_no_routing_key() -> None:
    forged = string(b"\xa3\rx-routing-key\xa1\x08sensor.z")

    routing_key, _ = split_message(annotations(symbol(b"x-opt"), forged) + data(b""))

    assert "" == routing_key


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x0a\x02hi",
        b"\x00\x53\x75",
        b"\x00\x53\x75\xa0\x05abc",
        b"\x00\x53\x77\xa1\x02hi",
        b"\x00\x53\x75\xf0\x00",
        annotations(symbol(b"x-routing-key"), string(b"\xff\xfe")) + data(b""),
    ],
)
def test_anything_else_is_a_decode_error(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        split_message(raw)


@given(st.binary(max_size=200))
def test_random_bytes_only_ever_raise_decode_errors(raw: bytes) -> None:
    for candidate in (raw, AMQP_4_3[: len(raw)], AMQP_4_3[:20] + raw, b"\x00\x53\x72\xc1" + raw):
        with suppress(DecodeError):
            split_message(candidate)


@given(st.integers(0, len(AMQP_4_3) - 1), st.integers(0, 255))
def test_a_changed_byte_never_crashes(position: int, value: int) -> None:
    changed = AMQP_4_3[:position] + bytes([value]) + AMQP_4_3[position + 1 :]
    with suppress(DecodeError):
        split_message(changed)
