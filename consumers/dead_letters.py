"""Keeps what the broker could not route and what a queue gave up on."""

from dataclasses import replace
from typing import Any

from weir import metrics
from weir.consumer import Delivery, QueueConsumer
from weir.model.names import DEAD_LETTER_QUEUE, UNROUTABLE_QUEUE
from weir.ports import DeadLetter
from weir.runtime.settlement import dead_letter

#: RabbitMQ's words for why a queue gave a message up ("Dead Letter Exchanges"), and ours.
_REASONS = {
    "delivery_limit": "delivery_limit",
    "expired": "expired",
    "maxlen": "queue_full",
    "rejected": "rejected",
}
_UNKNOWN = "given_up"


class DeadLetters(QueueConsumer):
    """Moves messages from the broker's last resorts into the store of dead letters.

    A delivery that is repeated is kept again: a queue has no offsets by which to tell.
    """

    name = "dead_letters"
    queues = (UNROUTABLE_QUEUE, DEAD_LETTER_QUEUE)

    async def handle(self, delivery: Delivery) -> None:
        """Keep a message byte for byte, whatever it is.

        Raises:
            StoreUnavailableError: try again later.
        """
        letter = explain(self.name, delivery)
        await self.ports.dead_letters.keep(letter)
        metrics.DEAD_LETTERS.labels(self.name, letter.reason).inc()


def explain(consumer: str, delivery: Delivery) -> DeadLetter:
    """Make a dead letter that says why the broker set the message aside, and where it came from."""
    if delivery.queue == UNROUTABLE_QUEUE:
        error = f"no queue takes the routing key {delivery.routing_key!r}"
        return dead_letter(consumer, delivery, "unroutable", error)
    death = _last_death(delivery)
    queue = _text(death, "queue") or delivery.queue
    reason = _REASONS.get(_text(death, "reason"), _UNKNOWN)
    letter = dead_letter(consumer, delivery, reason, f"{queue} gave it up: {reason}")
    return replace(letter, source=queue, exchange=_text(death, "exchange"))


def _last_death(delivery: Delivery) -> dict[str, Any]:
    # Publishers can send such a header too, so it may be anything.
    deaths = delivery.headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    return last if isinstance(last, dict) else {}


def _text(death: dict[str, Any], name: str) -> str:
    value = death.get(name)
    return value if isinstance(value, str) else ""
