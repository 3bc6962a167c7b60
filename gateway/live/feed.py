"""Who listens: one tap for all of them, as long as there is anybody, and how many there may be."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.live.places import Place
from gateway.live.tap import Ending, Tap
from weir.errors import ConfigError, TooManyRequestsError
from weir.postgres.queries import Pool

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """The bounds of all live streams of one gateway, and of each.

    Attributes:
        listeners_max: streams at the same time.
        window_bytes_max: what is held of the log, for all together.
        resume_messages_max: how far back a listener may go on, in messages of all devices.
        patience_s: how long a listener may take for one event.
        heartbeat_s: the longest silence.
        recheck_s: how long a listener may go on whose credential was taken away; where nothing
            happens, up to `heartbeat_s` more.
        lifetime_s: until a listener must connect again, and so show a credential that still holds.
        busy_retry_s: when to come back where all places are taken.
    """

    listeners_max: int = 100
    window_bytes_max: int = 32 * _MEBIBYTE
    resume_messages_max: int = 1_000_000
    patience_s: float = 30.0
    heartbeat_s: float = 15.0
    recheck_s: float = 10.0
    lifetime_s: float = 3_600.0
    busy_retry_s: float = 10.0


#: Listeners that go on from before the window have a reader each, with up to 8 chunks in memory.
CATCHING_UP_MAX = 4


class Subscription:
    """A listener's place at the tap; `leave` gives it up."""

    def __init__(self, feed: "LiveFeed", tap: Tap, stored: Sequence[Place]) -> None:
        self.tap = tap
        #: How far each partition was stored when the listener came.
        self.stored = stored
        self._feed = feed

    def leave(self) -> None:
        """Give the place up; the last one who leaves closes the tap."""
        self._feed.release(self)


class LiveFeed:
    """The live readings of an installation; made by `open_feed`, or without a broker.

    `stream_url`: None: there is no broker; whoever wants to listen is told so.
    """

    def __init__(
        self,
        pool: "Pool | None" = None,
        stream_url: str | None = None,
        streams: Sequence[str] = (),
        limits: LiveLimits | None = None,
    ) -> None:
        self.limits = limits or LiveLimits()
        self.stream_url = stream_url
        #: Held by a listener while it reads what is older than the window.
        self.catching_up = asyncio.Semaphore(CATCHING_UP_MAX)
        self._pool = pool
        self._streams = streams
        self._subscriptions: set[Subscription] = set()
        self._joining_count = 0
        self._opening = asyncio.Lock()
        self._tap: Tap | None = None
        self._is_closed = False

    async def join(self) -> Subscription:
        """Take a place at the tap, which is opened for the first one.

        Raises:
            ConfigError: no broker is known.
            TooManyRequestsError: all places are taken.
            StoreUnavailableError: try again later.
        """
        limits = self.limits
        if len(self._subscriptions) + self._joining_count >= limits.listeners_max:
            raise TooManyRequestsError(
                f"{limits.listeners_max} live streams are open, and no more are allowed",
                retry_after_s=limits.busy_retry_s,
            )
        self._joining_count += 1
        try:
            tap = await self._opened()
            subscription = Subscription(self, tap, await tap.stored_places())
            self._subscriptions.add(subscription)
        finally:
            self._joining_count -= 1
            self._close_unused()
        return subscription

    def release(self, subscription: Subscription) -> None:
        """Take back the place of a listener."""
        self._subscriptions.discard(subscription)
        self._close_unused()

    def close(self) -> None:
        """End all live streams: the gateway stops."""
        self._is_closed = True
        if self._tap is not None:
            self._tap.close(Ending.SHUTTING_DOWN)

    async def _opened(self) -> Tap:
        async with self._opening:
            if self._tap is None or (self._tap.ending and not self._is_closed):
                if self._pool is None or self.stream_url is None:
                    raise ConfigError("WEIR_STREAM_URL is not set, so nothing can be followed live")
                tap = Tap(self._pool, self.stream_url, self._streams, self.limits.window_bytes_max)
                await tap.open()
                self._tap = tap
            return self._tap

    def _close_unused(self) -> None:
        if self._tap is not None and not self._subscriptions and not self._joining_count:
            self._tap.close(Ending.SHUTTING_DOWN)
            self._tap = None


@asynccontextmanager
async def open_feed(
    pool: Pool, stream_url: str | None, streams: Sequence[str]
) -> AsyncIterator[LiveFeed]:
    """Give the live readings until the block ends; without a URL they say so when asked for."""
    feed = LiveFeed(pool, stream_url, streams)
    try:
        yield feed
    finally:
        feed.close()
