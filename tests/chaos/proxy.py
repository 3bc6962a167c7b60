"""A TCP proxy between a client and its server, on which links can be cut, muted and stalled.

Muted means that what the server answers is thrown away until the link is cut: the client never
learns of a commit or an acknowledgement that happened. A trap calls back the moment that a client
sends certain bytes, before they are passed on.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from weir.embedded.ports import LOOPBACK

_READ_BYTES = 256 * 1024
#: Closing with data unsent: the other side sees a reset, not an end.
_LINGER_NOT = struct.pack("ii", 1, 0)


class Proxy:
    """Holds a port of its own and passes on from there to `target_port`, both on loopback."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._socket = socket.socket()
        self._socket.bind((LOOPBACK, 0))
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._trap: tuple[bytes, Callable[[], None]] | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=self._socket)

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.cut()
        self._socket.close()

    def cut(self) -> int:
        """Reset every link; gives their number."""
        links = list(self._links)
        for link in links:
            link.cut()
        return len(links)

    async def mute_and_cut(self, duration_s: float) -> None:
        """Throw away what the server says for a while, then reset the links that it was said on."""
        links = list(self._links)
        for link in links:
            link.is_muted = True
        await asyncio.sleep(duration_s)
        for link in links:
            link.cut()

    async def stall(self, duration_s: float) -> None:
        """Hold everything for a while, then let it go on."""
        self._flowing.clear()
        await asyncio.sleep(duration_s)
        self._flowing.set()

    def set_trap(self, pattern: bytes, spring: Callable[[], None]) -> None:
        """Call `spring` once, when a client has sent `pattern` and the server has not seen it."""
        self._trap = (pattern, spring)

    def clear_trap(self) -> None:
        self._trap = None

    def inspect(self, data: bytes) -> None:
        if self._trap is not None and self._trap[0] in data:
            spring, self._trap = self._trap[1], None
            spring()

    async def wait_flowing(self) -> None:
        await self._flowing.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(LOOPBACK, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, (reader, writer), there)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)


class _Link:
    """One connection: two directions, which end together."""

    def __init__(
        self,
        proxy: Proxy,
        here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.is_muted = False
        self._proxy = proxy
        self._here = here
        self._there = there

    async def run(self) -> None:
        directions = [
            asyncio.create_task(self._pass_on(self._here[0], self._there[1], is_request=True)),
            asyncio.create_task(self._pass_on(self._there[0], self._here[1], is_request=False)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            for _, writer in (self._here, self._there):
                writer.close()

    def cut(self) -> None:
        for _, writer in (self._here, self._there):
            with suppress(OSError):
                plug = writer.get_extra_info("socket")
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            writer.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_request: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                await self._proxy.wait_flowing()
                if is_request:
                    self._proxy.inspect(data)
                elif self.is_muted:
                    continue
                writer.write(data)
                await writer.drain()
