"""Publish kept messages again, as their devices once did."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from weir.errors import WeirError
from weir.ports import KeptMessage, OutgoingMessage
from weir.rabbitmq.headers import headers_again
from weir.rabbitmq.publisher import RabbitmqPublisher


class RabbitmqRepublisher:
    """Publishes to the exchange that devices publish to; made by `open_republisher`."""

    def __init__(self, url: str | None) -> None:
        self._publisher = RabbitmqPublisher(url, "replays dead letters")

    async def publish(self, messages: Sequence[KeptMessage]) -> list[WeirError | None]:
        """Publish in this order, body byte for byte, with the headers of the first sender.

        Gives what went wrong with each, None where it was confirmed. What is not confirmed may have
        been published all the same.

        Raises:
            BrokerUnavailableError: nothing was published; try again later.
            ConfigError: no broker is known, or it refuses access.
        """
        return await self._publisher.publish(
            [
                OutgoingMessage(
                    message.routing_key, message.body, headers=headers_again(message.headers)
                )
                for message in messages
            ]
        )

    async def close(self) -> None:
        """Close the connection, if there is one."""
        await self._publisher.close()


@asynccontextmanager
async def open_republisher(url: str | None) -> AsyncIterator[RabbitmqRepublisher]:
    """Give a republisher until the block ends; without a URL it says so when it is used."""
    republisher = RabbitmqRepublisher(url)
    try:
        yield republisher
    finally:
        await republisher.close()
