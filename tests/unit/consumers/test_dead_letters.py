"""Why the broker set a message aside, in our words."""

from typing import Any

import pytest

from consumers.dead_letters import DeadLetters
from tests.unit.consumers.deliveries import delivery
from weir.model.names import DEAD_LETTER_QUEUE, REGISTRY_QUEUE, UNROUTABLE_QUEUE
from weir.ports import DeadLetter
from weir.testing.memory import MemoryDeadLetterStore, memory_ports

KEY = "sensor.pump-1.logs"


async def kept(queue: str, headers: dict[str, Any], key: str = KEY) -> DeadLetter:
    store = MemoryDeadLetterStore()
    consumer = DeadLetters(memory_ports(store))
    await consumer.handle(delivery(b"\x00body", key, queue=queue, headers=headers))
    (letter,) = store.letters
    return letter


async def test_what_no_queue_takes_is_unroutable() -> None:
    letter = await kept(UNROUTABLE_QUEUE, {}, key="sensor.pump-1.nonsense")
    assert ("unroutable", "iot", "sensor.pump-1.nonsense", "pump-1", b"\x00body") == (
        letter.reason,
        letter.exchange,
        letter.routing_key,
        letter.serial,
        letter.body,
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("delivery_limit", "delivery_limit"),
        ("maxlen", "queue_full"),
        ("expired", "expired"),
        ("rejected", "rejected"),
        ("something new", "given_up"),
    ],
)
async def test_what_a_queue_gave_up_has_the_queue_and_the_reason(theirs: str, ours: str) -> None:
    death = {"reason": theirs, "queue": REGISTRY_QUEUE, "exchange": "iot", "count": 1}
    headers = {"x-death": [death, {"reason": "older", "queue": "another"}], "mine": 1}
    letter = await kept(DEAD_LETTER_QUEUE, headers)
    assert (ours, REGISTRY_QUEUE, "iot") == (letter.reason, letter.source, letter.exchange)
    assert headers == letter.headers


@pytest.mark.parametrize(
    "deaths", [None, [], "text", ["text"], [{}], [{"queue": 7, "reason": [], "exchange": {}}]]
)
async def test_a_header_that_a_publisher_made_up_does_no_harm(deaths: object) -> None:
    letter = await kept(DEAD_LETTER_QUEUE, {"x-death": deaths})
    assert ("given_up", DEAD_LETTER_QUEUE) == (letter.reason, letter.source)
