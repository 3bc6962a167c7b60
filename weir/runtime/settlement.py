"""What becomes of a delivery: acknowledged, tried again, or kept as a dead letter. Pure."""

from dataclasses import dataclass

from weir.consumer import Delivery
from weir.errors import (
    BrokerUnavailableError,
    ConflictError,
    InvalidMessageError,
    StoreUnavailableError,
    TransientError,
    WrongSerialError,
)
from weir.model.names import serial_of
from weir.ports import DeadLetter

#: Attempts at one message that fails for a reason of its own. The broker's delivery limit is
#: higher: it is for messages that take the whole process down.
ATTEMPT_COUNT_MAX = 5


@dataclass(frozen=True, slots=True)
class Ack:
    """Done: the broker may forget it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, in place: what comes after it waits, so that the order stays."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Keep it as a dead letter with this reason, then go on."""

    reason: str


Disposition = Ack | Retry | Reject


def decide(error: BaseException | None, attempt_count: int) -> Disposition:
    """Map a handler's outcome to one disposition.

    An outage is nobody's fault and is waited out without a limit; whatever else may pass by itself
    has `ATTEMPT_COUNT_MAX` attempts. `attempt_count` counts this one, and those before a restart.
    """
    match error:
        case None:
            return Ack()
        case InvalidMessageError():
            return Reject(error.reason)
        case StoreUnavailableError() | BrokerUnavailableError():
            return Retry()
        case ConflictError() | TransientError() if attempt_count < ATTEMPT_COUNT_MAX:
            return Retry()
        case ConflictError() | TransientError():
            return Reject("attempts_exhausted")
        case _:
            return Reject("handler_crashed")


def dead_letter(consumer: str, delivery: Delivery, reason: str, error: str) -> DeadLetter:
    """Make the dead letter of a delivery, with all that a replay needs."""
    try:
        serial: str | None = serial_of(delivery.routing_key)
    except WrongSerialError:
        serial = None
    return DeadLetter(
        consumer=consumer,
        reason=reason,
        error=error,
        source=delivery.queue,
        routing_key=delivery.routing_key,
        body=delivery.body,
        first_seen_at=delivery.received_at,
        exchange=delivery.exchange,
        headers=delivery.headers,
        serial=serial,
    )
