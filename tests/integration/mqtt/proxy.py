"""A link between a device and the broker that a test can cut, hold and mend."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 4_096


class Link:
    """Forwards bytes both ways; made by `open_link`."""

    def __init__(self, broker_url: str) -> None:
        self._broker = urlsplit(broker_url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self.connection_count = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The broker's address, by way of this link."""
        login = self._broker.netloc.rpartition("@")[0]
        netloc = f"{login}@127.0.0.1:{self.port}" if login else f"127.0.0.1:{self.port}"
        return self._broker._replace(netloc=netloc).geturl()

    def cut(self) -> None:
        """Break every connection; what is under way is lost."""
        for writer in self._writers:
            writer.transport.abort()

    async def bring_up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def take_down(self) -> None:
        """Break every connection and refuse new ones."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def hold(self) -> None:
        """Keep connections open, but let nothing through to the broker."""
        self._flowing.clear()

    def release(self) -> None:
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connection_count += 1
        there, back = await asyncio.open_connection(self._broker.hostname, self._broker.port)
        ends = {writer, back}
        tasks = {
            asyncio.create_task(self._forward(reader, back, is_held=True)),
            asyncio.create_task(self._forward(there, writer, is_held=False)),
        }
        self._writers |= ends
        self._tasks |= tasks
        await asyncio.gather(*tasks)
        self._writers -= ends
        self._tasks -= tasks

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_held: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if is_held:
                    await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def open_link(broker_url: str) -> AsyncIterator[Link]:
    link = Link(broker_url)
    await link.bring_up()
    try:
        yield link
    finally:
        link.release()
        await link.take_down()
