"""One live stream: each wanted reading once, from its places in the log on, until it is ended.

A listener that goes on from before the window reads the log itself until it is there. From then on
it walks through the window; when the window's beginning passes it, it was too slow.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from gateway import sse
from gateway.live.feed import LiveFeed, Subscription
from gateway.live.picking import Wanted, pieces_of
from gateway.live.places import Place, format_places
from gateway.live.tap import Ending
from gateway.live.window import Message, Slice, slice_of
from weir.errors import (
    BrokerUnavailableError,
    RequestError,
    StoreUnavailableError,
    StreamReplacedError,
)
from weir.model.device_state import DeviceState
from weir.postgres.queries import Pool
from weir.postgres.queries.device_ids import find_states
from weir.rabbitmq.stream_reader import StreamReader, open_stream

#: How soon a client that was cut off should come back.
RETRY_MS = 2_000
#: What is older than the window is there; a broker that does not give it by then is unwell.
_CHUNK_TIMEOUT_S = 20.0

_EXPLAINED = {
    Ending.TOO_SLOW: "events come faster than you take them: go on with Last-Event-ID, or ask for "
    "fewer devices or fields",
    Ending.SHUTTING_DOWN: "the gateway stops: connect again with Last-Event-ID",
    Ending.RENEWAL: "a stream is renewed from time to time: connect again with Last-Event-ID",
    Ending.ACCESS_ENDED: "the credential does not hold any more, or no longer permits this",
    Ending.STREAM_REPLACED: "the log was made anew: connect again without Last-Event-ID",
    Ending.BROKER_UNAVAILABLE: "the log is away for the moment: connect again with Last-Event-ID",
    Ending.FAILED: "the gateway has failed, which is logged: connect again with Last-Event-ID",
}
_LOST = "the log no longer has them: read what is missing from /v1/readings"


@dataclass(frozen=True, slots=True)
class ListenRequest:
    """What a listener wants, from which places on; `pending`: serials that wait for approval.

    `may_go_on`: tells whether the credential still permits it.
    """

    wanted: Wanted
    places: Sequence[Place]
    pending: frozenset[str]
    may_go_on: Callable[[], Awaitable[bool]]


class Listener:
    """The events of one live stream.

    Raises:
        RequestError: it wants to go on from too far back.
    """

    def __init__(
        self, feed: LiveFeed, subscription: Subscription, request: ListenRequest, pool: Pool
    ) -> None:
        self._feed = feed
        self._tap = subscription.tap
        self._wanted = request.wanted
        self._places = list(request.places)
        self._pending = request.pending
        self._pool = pool
        self._ending = Ending.FAILED
        self._spoke_at_s = 0.0
        self._may_go_on = request.may_go_on
        self._checked_at_s = _now_s()
        self._is_refused = False
        self._turn = 0
        self._check_distance()

    async def events(self) -> AsyncGenerator[bytes]:
        """Give the stream, piece by piece; what ends it is its last event."""
        yield sse.retry(RETRY_MS)
        yield self._event("start", {"serials": sorted(self._wanted.serials)})
        try:
            async with aclosing(self._until_ended()) as pieces:
                async for piece in pieces:
                    yield piece
            ending = self._ending
        except StreamReplacedError:
            ending = Ending.STREAM_REPLACED
        except BrokerUnavailableError:
            ending = Ending.BROKER_UNAVAILABLE
        yield self._event("end", {"reason": ending, "detail": _EXPLAINED[ending]})

    async def _until_ended(self) -> AsyncGenerator[bytes]:
        ends_at_s = _now_s() + self._feed.limits.lifetime_s
        is_following = False
        while self._tap.ending is None and _now_s() < ends_at_s:
            if not await self._is_permitted():
                self._ending = Ending.ACCESS_ENDED
                return
            if self._is_silent():
                yield self._heartbeat()
            behind = self._index_behind()
            if behind is not None:
                if is_following:
                    self._ending = Ending.TOO_SLOW
                    return
                async with aclosing(self._catch_up(behind)) as pieces:
                    async for piece in pieces:
                        yield piece
                continue
            is_following = True
            # Only one slice is held while the client takes its time.
            found = self._next_slice()
            if found is None:
                await self._wait_for_change()
                continue
            index, part = found
            stored_until = self._tap.windows[index].stored_until
            async for piece in self._give(index, part, stored_until):
                yield piece
        self._ending = self._tap.ending or Ending.RENEWAL

    def _index_behind(self) -> int | None:
        """Give a partition whose window has begun behind what comes next here."""
        for index, window in enumerate(self._tap.windows):
            if self._places[index].offset < window.start:
                return index
        return None

    def _next_slice(self) -> tuple[int, Slice] | None:
        """Give what a partition has to read next, the partitions in turn."""
        for _ in self._places:
            self._turn = (self._turn + 1) % len(self._places)
            part = self._tap.windows[self._turn].slice_at(self._places[self._turn].offset)
            if part is not None:
                return self._turn, part
        return None

    async def _give(self, index: int, part: Slice, until: int) -> AsyncGenerator[bytes]:
        """Give what is wanted of a slice, below the offset `until`."""
        if self._pending & part.messages.keys():
            states = await find_states(self._pool, list(self._pending))
            waiting = {serial for serial, state in states.items() if state is DeviceState.PENDING}
            self._pending &= waiting
        start = self._places[index]
        for message in self._wanted_messages(part, start.offset, until):
            given_count = start.reading_count if message.offset == start.offset else 0
            for piece in pieces_of(message, self._wanted, given_count):
                self._places[index] = (
                    Place(message.offset + 1)
                    if piece.is_last
                    else Place(message.offset, piece.reading_count)
                )
                yield self._event("readings", piece.data)
        self._places[index] = Place(min(part.next_offset, until))

    def _wanted_messages(self, part: Slice, first: int, until: int) -> list[Message]:
        messages = [
            message
            for serial in self._wanted.serials - self._pending
            for message in part.messages.get(serial, ())
            if first <= message.offset < until
        ]
        return sorted(messages, key=lambda message: message.offset)

    async def _catch_up(self, index: int) -> AsyncGenerator[bytes]:
        """Give what is older than the window of a partition, from the log itself."""
        window = self._tap.windows[index]
        stream_url = self._feed.stream_url
        assert stream_url is not None  # noqa: S101 - there is no tap without one
        async with (
            self._feed.catching_up,
            open_stream(stream_url, window.stream, self._places[index].offset) as reader,
        ):
            while self._places[index].offset < window.start and self._tap.ending is None:
                if not await self._is_permitted():
                    return
                part, until = await _next_part(reader), window.start
                lost_count = min(part.first_offset, until) - self._places[index].offset
                if lost_count > 0:
                    self._places[index] = Place(min(part.first_offset, until))
                    yield self._event("lost", {"message_count": lost_count, "detail": _LOST})
                async for piece in self._give(index, part, until):
                    yield piece
                if self._is_silent():
                    yield self._heartbeat()
                # What has arrived is read without a pause: others must have their turns.
                await asyncio.sleep(0)

    async def _is_permitted(self) -> bool:
        """Look now and then whether the credential holds; what was found is true until then."""
        if self._is_refused or _now_s() - self._checked_at_s < self._feed.limits.recheck_s:
            return not self._is_refused
        self._checked_at_s = _now_s()
        # A database that is away takes nobody's rights away.
        with suppress(StoreUnavailableError):
            self._is_refused = not await self._may_go_on()
        return not self._is_refused

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(self._feed.limits.heartbeat_s):
                await self._tap.wait_for_change()
        except TimeoutError:
            return

    def _is_silent(self) -> bool:
        return _now_s() - self._spoke_at_s >= self._feed.limits.heartbeat_s

    def _event(self, name: str, data: object) -> bytes:
        self._spoke_at_s = _now_s()
        return sse.event(name, data, format_places(self._places))

    def _heartbeat(self) -> bytes:
        self._spoke_at_s = _now_s()
        return sse.heartbeat(format_places(self._places))

    def _check_distance(self) -> None:
        distance = sum(
            max(0, window.start - place.offset)
            for window, place in zip(self._tap.windows, self._places, strict=True)
        )
        if distance > self._feed.limits.resume_messages_max:
            raise RequestError(
                f"Last-Event-ID: {distance} messages ago, at most "
                f"{self._feed.limits.resume_messages_max} can be caught up with: read what is "
                "missing from /v1/readings, and listen without it"
            )


async def _next_part(reader: StreamReader) -> Slice:
    try:
        async with asyncio.timeout(_CHUNK_TIMEOUT_S):
            return slice_of(await reader.next_chunk())
    except TimeoutError as error:
        raise BrokerUnavailableError("the log does not give what it has") from error


def _now_s() -> float:
    return asyncio.get_running_loop().time()
