"""Writes the log lines of devices where an operator's tools read them."""

from weir.codec.device_log import decode_logs
from weir.codec.json_forms.logs import decode_logs_json
from weir.consumer import Delivery, QueueConsumer
from weir.errors import UnknownEventError
from weir.model.names import LOGS_QUEUE, split_key

_DECODERS = {"logs": decode_logs, "logs.json": decode_logs_json}


class Logs(QueueConsumer):
    """Passes log lines on in order; a delivery that is repeated writes its lines again."""

    name = "logs"
    requires = ("WEIR_DEVICE_LOG_DIRECTORY",)
    queues = (LOGS_QUEUE,)

    async def handle(self, delivery: Delivery) -> None:
        """Write the lines of one batch.

        Raises:
            InvalidMessageError: not a batch of log lines, or not this device's.
            StoreUnavailableError: try again later.
        """
        serial, kind = split_key(delivery.routing_key)
        if kind not in _DECODERS:
            raise UnknownEventError(f"no log lines have the key {delivery.routing_key!r}")
        entries = _DECODERS[kind](delivery.body, serial)
        await self.ports.device_logs.write(serial, delivery.received_at, entries)
