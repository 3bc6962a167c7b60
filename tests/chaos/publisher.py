"""A publisher process that is going to be killed: it sends its plan and keeps its account.

    python -m tests.chaos.publisher SEED NUMBER ORIGIN_US READINGS RATE ACCOUNT URL

Started again after a kill, it goes on where its account ends. What was attempted and not
acknowledged is sent again or given up, by the seed. A line on its standard input takes the brake
off; the end of its input ends it.
"""

import asyncio
import os
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.account import Account, AccountFile, read_account
from tests.chaos.links import Link, LostError, open_link
from tests.chaos.plan import Kind, Message, plan

_WINDOW_MAX = 16
_RETRY_S = 0.2
_RESEND_SHARE = 0.7
_DUPLICATE_SHARE = 0.05
_EXIT_ORPHANED = 3


class Brake:
    """Lets readings pass at a rate, until it is taken off."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._passed_count = 0
        self._started = asyncio.get_running_loop().time()
        self._is_off = asyncio.Event()

    def take_off(self) -> None:
        self._is_off.set()

    async def wait(self, count: int) -> None:
        """Return when `count` readings more may be sent."""
        due = self._started + self._passed_count / self._rate
        self._passed_count += count
        delay_s = due - asyncio.get_running_loop().time()
        if delay_s > 0 and not self._is_off.is_set():
            try:
                async with asyncio.timeout(delay_s):
                    await self._is_off.wait()
            except TimeoutError:
                return


@dataclass(frozen=True, slots=True)
class Lane:
    """What one device sends, one window at a time, over a connection of its own."""

    serial: str
    url: str
    seed: int
    account: Account
    file: AccountFile
    brake: Brake

    async def run(self, messages: Sequence[Message]) -> None:
        """Send everything; returns when nothing is left that is worth another attempt."""
        waiting = [message for message in messages if self._is_worth_it(message)]
        rng = random.Random(f"{self.seed}/{self.serial}")
        while waiting:
            try:
                async with open_link(self.url, self.serial) as link:
                    while waiting:
                        window = rng.randint(1, _WINDOW_MAX)
                        chosen, waiting = waiting[:window], waiting[window:]
                        failed = await self._send_window(link, chosen)
                        waiting = failed + waiting
                        if failed:
                            break
            except LostError:
                pass
            await asyncio.sleep(_RETRY_S)

    def _is_worth_it(self, message: Message) -> bool:
        index = message.index
        if self.account.acknowledged[index]:
            return False
        attempt_count = self.account.attempted[index]
        return attempt_count == 0 or self._draw(index, attempt_count) < _RESEND_SHARE

    def _draw(self, *key: object) -> float:
        return random.Random(f"{self.seed}/{self.serial}/{key}").random()

    async def _send_window(self, link: Link, messages: Sequence[Message]) -> list[Message]:
        """Send messages at once; gives those that are worth another attempt."""
        await self.brake.wait(sum(message.reading_count for message in messages))
        sent = [message for message in messages if self._may_be_sent(message)]
        answers = await asyncio.gather(
            *(self._send(link, message) for message in sent), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, LostError):
                raise answer
        again = [
            message for message in sent if self._draw("again", message.index) < _DUPLICATE_SHARE
        ]
        await asyncio.gather(
            *(self._send(link, message) for message in again if self._is_known(message.index)),
            return_exceptions=True,
        )
        return [message for message in sent if self._is_worth_it(message)]

    def _may_be_sent(self, message: Message) -> bool:
        """Contradict only what is stored for certain; otherwise nobody knows who was first."""
        return message.kind is not Kind.CONFLICT or self._is_known(message.original)

    def _is_known(self, index: int | None) -> bool:
        return index is not None and self.account.acknowledged[index] > 0

    async def _send(self, link: Link, message: Message) -> None:
        self.file.attempt(message.index)
        self.account.attempted[message.index] += 1
        await link.send(message.serial, message.topic_kind, message.body)
        self.file.acknowledge(message.index)
        self.account.acknowledged[message.index] += 1


async def _watch_input(brake: Brake) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        brake.take_off()
    # Whoever started us is gone, and would be waited for otherwise.
    os._exit(_EXIT_ORPHANED)


async def _main(arguments: Sequence[str]) -> None:
    seed, number, origin_us, reading_count = map(int, arguments[:4])
    rate, path, url = float(arguments[4]), Path(arguments[5]), arguments[6]
    messages = plan(seed, number, origin_us, reading_count)
    account = read_account(path)
    brake = Brake(rate)
    watching = asyncio.create_task(_watch_input(brake))
    by_serial = defaultdict(list)
    for message in messages:
        by_serial[message.serial].append(message)
    with AccountFile(path) as file:
        await asyncio.gather(
            *(
                Lane(serial, url, seed, account, file, brake).run(own)
                for serial, own in by_serial.items()
            )
        )
    watching.cancel()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
