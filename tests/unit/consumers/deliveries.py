"""Deliveries for consumers under test."""

from typing import Any

from weir.consumer import Delivery
from weir.testing.clock import START


def delivery(
    body: bytes, routing_key: str, *, queue: str = "", headers: dict[str, Any] | None = None
) -> Delivery:
    """Make a delivery as the broker would."""
    return Delivery(queue, "iot", routing_key, body, START, headers=headers or {})
