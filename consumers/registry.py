"""Enrols devices from what they announce about themselves."""

from weir.codec.json_forms.announcement import decode_announcement_json
from weir.codec.registry import decode_announcement
from weir.consumer import Delivery, QueueConsumer
from weir.errors import UnknownEventError
from weir.model.names import REGISTRY_QUEUE, split_key

_DECODERS = {"registry": decode_announcement, "registry.json": decode_announcement_json}


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
        serial, kind = split_key(delivery.routing_key)
        if kind not in _DECODERS:
            raise UnknownEventError(f"no announcement has the key {delivery.routing_key!r}")
        announcement = _DECODERS[kind](delivery.body, serial)
        await self.ports.devices.announce(announcement, delivery.received_at)
