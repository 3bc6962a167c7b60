"""Enrols devices from what they announce about themselves."""

from weir.codec.registry import decode_announcement
from weir.consumer import Delivery, QueueConsumer
from weir.errors import UnknownEventError
from weir.model.names import REGISTRY_QUEUE, kind_of, serial_of


class Registry(QueueConsumer):
    """Keeps the registry of devices; the last announcement of a device wins."""

    name = "registry"
    queues = (REGISTRY_QUEUE,)

    async def handle(self, delivery: Delivery) -> None:
        """Enrol or update the device whose key the announcement came on.

        Raises:
            InvalidMessageError: not an announcement, or not this device's.
            StoreUnavailableError: try again later.
        """
        if kind_of(delivery.routing_key) != self.name:
            raise UnknownEventError(f"no announcement has the key {delivery.routing_key!r}")
        announcement = decode_announcement(delivery.body, serial_of(delivery.routing_key))
        await self.ports.devices.announce(announcement, delivery.received_at)
