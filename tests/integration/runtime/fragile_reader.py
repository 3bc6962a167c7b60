"""A process that reads a queue and dies of poison: `python -m ... AMQP_URL QUEUE`.

It writes each message when it gets it, and dies without a word, as a segmentation fault would.
"""

import asyncio
import os
import sys

from weir.clock import SystemClock
from weir.rabbitmq.queue_reader import open_queues

POISON = b"poison"


async def main(amqp_url: str, queue: str) -> None:
    async with open_queues(amqp_url, [queue], SystemClock()) as reader:
        while True:
            delivery = await reader.next()
            sys.stdout.buffer.write(delivery.body + b"\n")
            sys.stdout.flush()
            if delivery.body == POISON:
                os.abort()
            await reader.ack()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
