"""A gateway with live streams on a port of its own, and a client that understands them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.app import create_app
from gateway.context import Context
from gateway.live.feed import LiveFeed, LiveLimits
from gateway.server import _Server, _uvicorn_config
from tests.integration.runtime.pipeline import Pipeline
from weir.clock import SystemClock
from weir.config import GatewaySettings
from weir.embedded.ports import free_ports
from weir.testing.conditions import eventually

TOKEN = "a-token-for-tests"  # noqa: S105 - of no gateway but these
TIMEOUT_S = 20.0


@dataclass
class Event:
    """One event, or a comment (`name` is empty then)."""

    name: str
    event_id: str
    data: dict[str, Any] = field(default_factory=dict)


class Listening:
    """A live stream that is open; `last_id` is what a client would show to go on."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self._lines = response.aiter_lines()

    async def next_event(self) -> Event:
        """Take the next event, heartbeats too; `StopAsyncIteration` where the stream has ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(TIMEOUT_S):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "id" in fields:
                    break
                else:
                    fields.clear()
            else:
                raise StopAsyncIteration
        self.last_id = fields["id"]
        return Event(fields.get("event", ""), fields["id"], json.loads(fields.get("data", "{}")))

    async def named(self, name: str) -> Event:
        """Skip to the next event of a name."""
        while (event := await self.next_event()).name != name:
            pass
        return event

    async def values(self, count: int) -> list[float]:
        """Take readings until there are so many, and give their values."""
        values: list[float] = []
        while len(values) < count:
            event = await self.named("readings")
            values += [reading["value"] for reading in event.data["readings"]]
        return values


@dataclass
class LiveGateway:
    """A gateway that listens on `port`."""

    port: int
    feed: LiveFeed

    @asynccontextmanager
    async def listen(
        self, *, last_id: str | None = None, token: str = TOKEN, **query: Any
    ) -> AsyncIterator[Listening]:
        headers = {"Authorization": f"Bearer {token}"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=None) as client,  # noqa: S113 - a live stream has no end
            client.stream("GET", "/v1/live/readings", params=query, headers=headers) as response,
        ):
            yield Listening(response)

    async def refusal(self, *, last_id: str | None = None, **query: Any) -> tuple[int, str]:
        """Ask for what is refused, and give the status and the reason."""
        async with self.listen(last_id=last_id, **query) as listening:
            await listening.response.aread()
            return listening.response.status_code, str(listening.response.json()["detail"])


@asynccontextmanager
async def open_gateway(
    pipeline: Pipeline, limits: LiveLimits | None = None
) -> AsyncIterator[LiveGateway]:
    (port,) = free_ports(1)
    feed = LiveFeed(pipeline.pool, pipeline.broker.stream_url, pipeline.streams, limits)
    app = create_app(Context(pipeline.pool, SystemClock(), TOKEN, live=feed))
    config = _uvicorn_config(app, GatewaySettings(port=port))
    config.port = port
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    try:
        yield LiveGateway(port, feed)
    finally:
        feed.close()
        server.should_exit = True
        await serving
