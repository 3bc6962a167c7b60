"""AMQP headers as what JSON can say."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.rabbitmq.headers import headers_again, plain_headers

INSTANT = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("text", "text"),
        (5, 5),
        (True, True),
        (None, None),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (INSTANT, "2026-03-14T15:09:26Z"),
        (b"\x00\xff", {"base64": "AP8="}),
        (bytearray(b"\x00\xff"), {"base64": "AP8="}),
        (Decimal("1.10"), "1.10"),
        ([1, b"\x00", [INSTANT]], [1, {"base64": "AA=="}, ["2026-03-14T15:09:26Z"]]),
        ({"count": 1, "time": INSTANT}, {"count": 1, "time": "2026-03-14T15:09:26Z"}),
    ],
)
def test_every_type_of_header_has_a_plain_form(value: object, plain: object) -> None:
    assert {"x": plain} == plain_headers({"x": value})


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(headers=st.dictionaries(st.text(), values))
def test_whatever_a_publisher_sends_can_be_kept_as_json(headers: dict[str, Any]) -> None:
    plain = plain_headers(headers)
    assert plain == json.loads(json.dumps(plain, allow_nan=False))


@pytest.mark.parametrize(
    "headers",
    [
        {"a": "text", "b": 5, "c": True, "d": None, "e": 1.5},
        {"bytes": b"\x00\xff", "list": [b"\x00", {"inner": b"\x01"}]},
        {"base64": "not in base 64 at all"},
        {"table": {"base64": "AA==", "and": "more"}},
    ],
)
def test_headers_that_were_kept_become_what_they_were(headers: dict[str, Any]) -> None:
    assert headers == headers_again(plain_headers(headers))


def test_a_table_that_only_looks_like_bytes_stays_a_table() -> None:
    assert {"x": {"base64": "?"}} == headers_again({"x": {"base64": "?"}})


def test_what_brokers_add_and_what_routes_further_is_left_out() -> None:
    kept = {
        "x-death": [{"count": 1}],
        "x-first-death-queue": "sensor.all.logs",
        "x-delivery-count": 3,
        "x-mqtt-publish-qos": 1,
        "CC": ["sensor.other.logs"],
        "BCC": ["sensor.other.logs"],
        "é" * 128: "a name that is too long",
        "x-trace": "mine",
    }

    assert {"x-trace": "mine"} == headers_again(kept)
