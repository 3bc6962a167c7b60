"""Reads the measurement log once for all listeners, and learns how far it is stored."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from functools import partial

import structlog

from gateway.live.places import Place
from gateway.live.window import Window, slice_of
from weir.errors import StreamReplacedError
from weir.postgres.queries import Pool
from weir.postgres.queries.arrivals import stored_offsets
from weir.rabbitmq.stream_reader import open_stream
from weir.runtime.waiting import until_available

log = structlog.get_logger()

#: How often the database is asked how far it is, while something waits to be stored.
POLL_INTERVAL_S = 0.1


class Ending(StrEnum):
    """Why a live stream ends, for programs."""

    TOO_SLOW = "too_slow"
    SHUTTING_DOWN = "shutting_down"
    RENEWAL = "renewal"
    ACCESS_ENDED = "access_ended"
    STREAM_REPLACED = "stream_replaced"
    BROKER_UNAVAILABLE = "broker_unavailable"
    FAILED = "failed"


class Tap:
    """Windows over all partitions that move while it runs, until it is closed or ends itself.

    Attributes:
        windows: by partition.
        ending: why nothing will come any more; None: it runs.
    """

    def __init__(self, pool: Pool, stream_url: str, streams: Sequence[str], bytes_max: int) -> None:
        self.windows: list[Window] = []
        self.ending: Ending | None = None
        self._pool = pool
        self._stream_url = stream_url
        self._streams = streams
        self._bytes_max = bytes_max // len(streams)
        self._changed = asyncio.Event()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start reading where the database is.

        Raises:
            StoreUnavailableError: try again later.
        """
        self.windows = [
            Window(stream, place.offset, self._bytes_max)
            for stream, place in zip(self._streams, await self.stored_places(), strict=True)
        ]
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._note_end)

    def close(self, ending: Ending) -> None:
        """Stop reading; listeners end for this reason."""
        self.ending = self.ending or ending
        if self._task is not None:
            self._task.cancel()
        self._wake()

    async def stored_places(self) -> list[Place]:
        """Ask the database how far each partition is stored.

        Raises:
            StoreUnavailableError: try again later.
        """
        stored = await stored_offsets(self._pool)
        return [Place(stored.get(stream, 0)) for stream in self._streams]

    async def wait_for_change(self) -> None:
        """Return when more is stored, or the tap has ended; at once when it has ended already."""
        if self.ending is None:
            await self._changed.wait()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_storage())
            for window in self.windows:
                tasks.create_task(until_available(partial(self._read, window)))

    async def _read(self, window: Window) -> None:
        try:
            async with open_stream(self._stream_url, window.stream, window.read_until) as reader:
                while True:
                    while window.is_full:
                        await self._changed.wait()
                    window.add(slice_of(await reader.next_chunk()))
                    self._arrived.set()
        except StreamReplacedError:
            self.close(Ending.STREAM_REPLACED)

    async def _follow_storage(self) -> None:
        while True:
            if not any(window.awaits_storage for window in self.windows):
                await self._arrived.wait()
            self._arrived.clear()
            places = await until_available(self.stored_places)
            moved = [
                window.note_stored(place.offset)
                for window, place in zip(self.windows, places, strict=True)
            ]
            if any(moved):
                self._wake()
            await asyncio.sleep(POLL_INTERVAL_S)

    def _wake(self) -> None:
        """Wake all who wait now; whoever waits from now on waits for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("live_tap_crashed", exc_info=task.exception())
            self.close(Ending.FAILED)
