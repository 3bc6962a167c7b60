"""Publishes to devices how they are to be set: when that changes, and when they come back."""

import asyncio
from collections.abc import Sequence

import structlog

from weir.codec.control.configuration import encode_configuration
from weir.consumer import Chore, JournalConsumer, Ports
from weir.control_ports import WantedConfiguration
from weir.events.configuration import ConfigurationDesired
from weir.events.device import DeviceApproved, DeviceEnabled, DeviceStarted, DeviceUndeleted
from weir.events.event import JournalRecord
from weir.events.presence import DeviceCameOnline
from weir.model.names import device_key
from weir.ports import OutgoingMessage

log = structlog.get_logger()

#: How often is looked for what became due without an event: a device said that it runs an older
#: version, or got the same one a short while ago.
DELIVER_INTERVAL_S = 2.0


class Configurations(JournalConsumer):
    """Sends each device the latest version that is wanted of it, if it lacks that.

    The database says who is to get what; an event only says when to look. A version may be sent
    twice, which its device sees by its number.
    """

    name = "configurations"
    types = tuple(
        event.type
        for event in (
            ConfigurationDesired,
            DeviceCameOnline,
            DeviceStarted,
            DeviceApproved,
            DeviceEnabled,
            DeviceUndeleted,
        )
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self._turn = asyncio.Lock()

    def chores(self) -> Sequence[Chore]:
        """Send what became due meanwhile."""
        return (Chore("delivery", DELIVER_INTERVAL_S, self.deliver),)

    async def handle(self, records: Sequence[JournalRecord]) -> None:
        """Send what these events give an occasion for.

        Raises:
            StoreUnavailableError: try again later.
            BrokerUnavailableError: try again later.
        """
        serials = [
            record.entity_id for record in records if record.type != ConfigurationDesired.type
        ]
        if serials:
            await self.ports.configurations.want(serials, self.ports.clock.now())
        await self.deliver()

    async def deliver(self) -> None:
        """Publish everything that is due.

        Raises:
            StoreUnavailableError: try again later.
            BrokerUnavailableError: try again later.
        """
        async with self._turn:
            while found := await self.ports.configurations.due(self.ports.clock.now()):
                outcome = await self.ports.publisher.publish([_message(each) for each in found])
                failures = [error for error in outcome if error is not None]
                sent = [each for each, error in zip(found, outcome, strict=True) if error is None]
                await self.ports.configurations.note_sent(sent, self.ports.clock.now())
                log.info("configurations_sent", count=len(sent))
                if failures:
                    raise failures[0]


def _message(wanted: WantedConfiguration) -> OutgoingMessage:
    return OutgoingMessage(
        device_key(wanted.serial, "config"),
        encode_configuration(wanted.message),
        content_type="application/json",
    )
