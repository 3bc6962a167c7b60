"""Publishes the journal: every domain event, in order, to the stream `journal.all`."""

from collections.abc import Sequence

from weir.consumer import JournalConsumer
from weir.events.event import JournalRecord
from weir.model.names import journal_key
from weir.ports import OutgoingMessage


class JournalRelay(JournalConsumer):
    """Publishes each event at least once, on `journal.<entity>.<type>`, as a JSON document.

    The message id is the event's position. Positions that come for the first time ascend, so
    whoever passes over what is not above the last one has each event once and in order.
    """

    name = "journal_relay"

    async def handle(self, records: Sequence[JournalRecord]) -> None:
        """Publish these events and wait until the broker has all of them.

        Raises:
            BrokerUnavailableError: it does not have all of them; try again later.
            ConfigError: the broker refuses access.
        """
        outcomes = await self.ports.publisher.publish([_message(record) for record in records])
        for error in outcomes:
            if error is not None:
                raise error


def _message(record: JournalRecord) -> OutgoingMessage:
    return OutgoingMessage(
        journal_key(record.entity, record.type),
        record.model_dump_json().encode(),
        message_id=str(record.position),
        content_type="application/json",
        correlation_id=record.correlation_id,
    )
