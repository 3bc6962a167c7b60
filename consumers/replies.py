"""Notes what devices answer to commands, and ends those whose answers would be here by now."""

from datetime import UTC, datetime

from consumers._command_steps import count_steps
from weir.codec.control.reply import decode_reply
from weir.consumer import Delivery, QueueConsumer
from weir.errors import DecodeError, UnknownEventError
from weir.model.names import OVERDUE_MARK_KEY, REPLIES_QUEUE, split_key


class Replies(QueueConsumer):
    """Takes replies in order; a reply that is repeated changes nothing."""

    name = "replies"
    queues = (REPLIES_QUEUE,)

    async def handle(self, delivery: Delivery) -> None:
        """Note one reply.

        Raises:
            InvalidMessageError: not a reply, or to no command of this device.
            StoreUnavailableError: try again later.
        """
        if delivery.routing_key == OVERDUE_MARK_KEY:
            # Whatever it says, nothing ends before its time.
            until = min(_asked_at(delivery.body), self.ports.clock.now())
            count_steps(await self.ports.commands.end_overdue(until))
            return
        serial, kind = split_key(delivery.routing_key)
        if kind.partition(".")[0] != "replies":
            raise UnknownEventError(f"no reply has the key {delivery.routing_key!r}")
        reply = decode_reply(delivery.body, serial)
        counts = await self.ports.commands.note_reply(serial, reply, delivery.received_at)
        count_steps(counts)


def _asked_at(body: bytes) -> datetime:
    try:
        return datetime.fromisoformat(body.decode("ascii")).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DecodeError(f"not an instant: {body[:40]!r}") from error
