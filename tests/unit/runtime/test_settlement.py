"""What becomes of a delivery, as a table."""

from datetime import UTC, datetime

import pytest

from weir.consumer import Delivery
from weir.errors import (
    BrokerUnavailableError,
    ConflictError,
    DecodeError,
    InvalidMessageError,
    NotApprovedError,
    RejectedByStoreError,
    StoreUnavailableError,
    TransientError,
    WrongSerialError,
)
from weir.runtime.settlement import (
    ATTEMPT_COUNT_MAX,
    Ack,
    Disposition,
    Reject,
    Retry,
    dead_letter,
    decide,
)

LAST = ATTEMPT_COUNT_MAX


@pytest.mark.parametrize(
    ("error", "attempt_count", "expected"),
    [
        (None, 1, Ack()),
        (None, LAST + 1, Ack()),
        (InvalidMessageError("no"), 1, Reject("invalid")),
        (DecodeError("no"), 1, Reject("undecodable")),
        (WrongSerialError("no"), LAST + 1, Reject("wrong_serial")),
        (RejectedByStoreError("no"), 1, Reject("rejected_by_store")),
        (NotApprovedError("no"), 1, Reject("not_approved")),
        (StoreUnavailableError("away"), 1, Retry()),
        (StoreUnavailableError("away"), 1_000, Retry()),
        (BrokerUnavailableError("away"), 1_000, Retry()),
        (TransientError("busy"), LAST - 1, Retry()),
        (TransientError("busy"), LAST, Reject("attempts_exhausted")),
        (ConflictError("newer"), LAST - 1, Retry()),
        (ConflictError("newer"), LAST, Reject("attempts_exhausted")),
        (KeyError("a bug"), 1, Reject("handler_crashed")),
    ],
)
def test_every_outcome_has_one_disposition(
    error: Exception | None, attempt_count: int, expected: Disposition
) -> None:
    assert expected == decide(error, attempt_count)


@pytest.mark.parametrize(
    ("routing_key", "serial"),
    [("sensor.pump-1.logs", "pump-1"), ("sensor.-.logs", None), ("", None), ("a.b.c", None)],
)
def test_a_dead_letter_has_all_that_a_replay_needs(routing_key: str, serial: str | None) -> None:
    received_at = datetime(2026, 3, 14, tzinfo=UTC)
    delivery = Delivery(
        "queue", "iot", routing_key, b"\x00\xff", received_at, 3, headers={"format": "json"}
    )
    letter = dead_letter("logs", delivery, "undecodable", "DecodeError: no")
    assert ("queue", "iot", routing_key, b"\x00\xff", received_at, {"format": "json"}) == (
        letter.source,
        letter.exchange,
        letter.routing_key,
        letter.body,
        letter.first_seen_at,
        letter.headers,
    )
    assert ("logs", "undecodable", "DecodeError: no") == (
        letter.consumer,
        letter.reason,
        letter.error,
    )
    assert serial == letter.serial
    assert letter.source_offset is None
