"""Server-sent events: how they are written, and a response that is as long as its client listens.

Source: WHATWG HTML, "Server-sent events", 9.2.6 (interpreting an event stream).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = structlog.get_logger()

MEDIA_TYPE = "text/event-stream"
_HEADERS = {
    "Cache-Control": "no-store",
    # A proxy that collects what it passes on would turn a live stream into bursts.
    "X-Accel-Buffering": "no",
}


def retry(delay_ms: int) -> bytes:
    """Tell the client how long to wait before it connects again."""
    return f"retry: {delay_ms}\n\n".encode()


def event(name: str, data: object, event_id: str) -> bytes:
    """Write an event; `event_id` is what the client shows when it connects again."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\nid: {event_id}\ndata: {text}\n\n".encode()


def heartbeat(event_id: str) -> bytes:
    """Write a comment, so that nobody takes silence for a lost connection.

    The id moves on without an event: what was only passed over need not be read again.
    """
    return f": alive\nid: {event_id}\n\n".encode()


class EventStream(Response):
    """Sends what `events` gives until it ends or the client leaves; then closes it.

    Args:
        events: pieces of the stream, each of them bounded.
        on_closed: called once, whatever happens.
        patience_s: how long the client may take for one piece, beyond what the network holds.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        events: AsyncGenerator[bytes],
        on_closed: Callable[[], object],
        patience_s: float,
    ) -> None:
        super().__init__(headers=_HEADERS)
        # The length that an empty body has would end the stream before it begins.
        del self.headers["content-length"]
        self._events = events
        self._on_closed = on_closed
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the stream."""
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(_client_left(receive))
        try:
            await asyncio.wait([writing, leaving], return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
        finally:
            writing.cancel()
            leaving.cancel()
            await asyncio.gather(writing, leaving, return_exceptions=True)
            self._on_closed()

    async def _write(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        async with aclosing(self._events) as events:
            try:
                async for piece in events:
                    async with asyncio.timeout(self._patience_s):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError:
                # There is no room to tell it why: the server closes the connection instead.
                log.warning("live_reader_abandoned", patience_s=self._patience_s)
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
