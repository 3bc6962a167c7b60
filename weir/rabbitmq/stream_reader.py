"""Read one stream in order from an offset, raw, with credit held back while the reader is busy.

Built on rstream's protocol client rather than on its consumer, which grants credit as soon as a
chunk is dispatched and so buffers without bound when the database is slow.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import datetime
from enum import Enum
from urllib.parse import SplitResult, unquote, urlsplit

import rstream.connection
from rstream import exceptions, schema
from rstream.constants import OffsetType
from rstream.utils import OnClosedErrorInfo

from weir.clock import to_us
from weir.errors import BrokerUnavailableError, StreamReplacedError
from weir.hosts import each_host, first_reached
from weir.rabbitmq.stream_client import Chunk, ChunkClient, open_frame

#: Chunks that the broker may send ahead; a chunk has at most some thousand messages.
CREDIT_MAX = 16
#: Chunks that are taken before the broker is told so: where each message is a chunk, telling it of
#: each costs as much as reading it.
CREDIT_GRANTED = 8
FRAME_BYTES_MAX = 1024 * 1024
HEARTBEAT_S = 30
#: A quiet connection is asked for a sign of life this often, and has this long to give it.
PROBE_INTERVAL_S = 10.0
PROBE_TIMEOUT_S = 10.0
#: Closing is a courtesy, and takes rstream a fifth of a second where the broker answers.
CLOSE_TIMEOUT_S = 1.0
#: Times that a stream may get another leader while we are on the way to the one that it had.
LEADER_CHANGE_COUNT_MAX = 3
#: rstream numbers subscriptions per connection; we have one of each.
_SUBSCRIPTION = 0
#: What rstream raises when the broker refuses, leaves, or answers something else. A `RuntimeError`
#: is uvloop's answer to a write after the connection was closed.
_STREAM_ERRORS = (exceptions.ServerError, exceptions.ClientError, AssertionError, RuntimeError)

# rstream asks for 256 bytes at a time, which costs a turn of the event loop for every message.
rstream.connection.CHUNK_SIZE = 64 * 1024


class StreamEnd(Enum):
    """Where a stream begins, or the last chunk that it has."""

    FIRST = "first"
    LAST = "last"


StreamStart = int | datetime | StreamEnd


class StreamReader:
    """An endless iterator over the chunks of one stream; made by `open_stream`."""

    def __init__(self, client: ChunkClient, stream: str, start_offset: int) -> None:
        self._client = client
        self._stream = stream
        self._start_offset = start_offset
        self._frames: asyncio.Queue[bytearray | None] = asyncio.Queue()
        self._owed_credit = 0

    def lose(self, _: object = None) -> None:
        """Note that the connection or the stream is gone; wakes whoever waits for a chunk."""
        self._frames.put_nowait(None)

    def take(self, frame: bytearray) -> None:
        """Queue a chunk that the broker has sent: at most `CREDIT_MAX` wait here."""
        self._frames.put_nowait(frame)

    async def next_chunk(self) -> Chunk:
        """Wait for the next chunk; taking some allows the broker to send as many more.

        Raises:
            BrokerUnavailableError: the connection was lost or does not answer.
            StreamReplacedError: the stream ends before the offset that was asked for.
        """
        while True:
            if self._owed_credit >= CREDIT_GRANTED:
                with _translated(self._stream):
                    await self._client.credit(_SUBSCRIPTION, self._owed_credit)
                self._owed_credit = 0
            frame = await self._next_frame()
            self._owed_credit += 1
            chunk = self._open(frame)
            if chunk.messages:
                return chunk

    async def _next_frame(self) -> bytearray:
        while self._frames.empty():
            with suppress(asyncio.TimeoutError):
                async with asyncio.timeout(PROBE_INTERVAL_S):
                    return _present(await self._frames.get(), self._stream)
            await self.probe()
        return _present(self._frames.get_nowait(), self._stream)

    async def probe(self) -> None:
        """Ask the broker for a sign of life: all that it sent before has then arrived.

        Raises:
            BrokerUnavailableError: there is none in time.
        """
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self._client.query_leader_and_replicas(self._stream)
        except (TimeoutError, OSError, *_STREAM_ERRORS) as error:
            raise BrokerUnavailableError(f"no sign of life from {self._stream}") from error

    def _open(self, frame: bytearray) -> Chunk:
        chunk = open_frame(frame)
        # A subscription starts with the chunk that holds its offset, not with the message.
        behind = self._start_offset - chunk.first_offset
        if behind >= len(chunk.messages) > 0:
            # Beyond the end of a stream the broker gives what comes next, whatever its offset.
            raise StreamReplacedError(
                f"{self._stream} is at offset {chunk.first_offset}, "
                f"{self._start_offset} was asked for"
            )
        if behind > 0:
            chunk.messages = chunk.messages[behind:]
            chunk.first_offset = self._start_offset
        return chunk


@asynccontextmanager
async def open_stream(url: str, stream: str, start: StreamStart) -> AsyncIterator[StreamReader]:
    """Subscribe to `stream` from `start` on until the block ends.

    `url`: rabbitmq-stream://user:password@host:port/vhost, or several hosts, of which the first
    that answers says who leads the stream. `start`: an offset (0: the beginning, or what is left of
    it), a time (from the chunk on that was stored then), or an end of the stream.

    Raises:
        BrokerUnavailableError: no connection, wrong credentials, or no such stream (yet).
    """

    async def enter(address: SplitResult) -> StreamReader:
        return await stack.enter_async_context(_open_at(address, stream, start))

    async with AsyncExitStack() as stack:
        addresses = [urlsplit(each) for each in each_host(url)]
        for _ in range(LEADER_CHANGE_COUNT_MAX):
            try:
                reader = await first_reached(addresses, enter)
                break
            except _LedElsewhereError as error:
                addresses = [error.address]
        else:
            raise BrokerUnavailableError(f"{stream} gets one leader after the other")
        yield reader


class _LedElsewhereError(Exception):
    """Another node leads the stream.

    A follower may lack what its leader has committed: a reader that comes from another node would
    find the stream shorter than what it has read, and take it for a new one.
    """

    def __init__(self, address: SplitResult) -> None:
        self.address = address


@asynccontextmanager
async def _open_at(
    address: SplitResult, stream: str, start: StreamStart
) -> AsyncIterator[StreamReader]:
    lost = asyncio.Event()

    def lose(_: OnClosedErrorInfo) -> None:
        lost.set()
        reader.lose()

    def take(frame: bytearray) -> None:
        reader.take(frame)

    client = ChunkClient(
        address.hostname or "localhost",
        address.port or 5552,
        frame_max=FRAME_BYTES_MAX,
        heartbeat=HEARTBEAT_S,
        connection_name=f"weir-reader-{stream}",
        connection_closed_handler=lose,
        take_frame=take,
    )
    # rstream reports a lost connection only for streams that it was told about.
    client.add_stream(stream)
    reader = StreamReader(client, stream, start if isinstance(start, int) else 0)
    try:
        await _unless(lost, _connect(client, reader, address))
        await _unless(lost, _require_leader(client, stream, address))
        await _unless(lost, _subscribe(client, stream, start))
        yield reader
    finally:
        await _close(client)


async def _unless(lost: asyncio.Event, request: Coroutine[None, None, None]) -> None:
    """Give a request up as soon as the connection is lost: rstream waits for its whole timeout."""
    requesting, losing = asyncio.create_task(request), asyncio.create_task(lost.wait())
    try:
        await asyncio.wait([requesting, losing], return_when=asyncio.FIRST_COMPLETED)
        if not requesting.done():
            raise BrokerUnavailableError("the connection was lost before the broker answered")
        requesting.result()
    finally:
        requesting.cancel()
        losing.cancel()
        await asyncio.gather(requesting, losing, return_exceptions=True)


#: What is being closed; the event loop itself keeps only weak references to tasks.
_closing: set[asyncio.Task[None]] = set()


async def _close(client: ChunkClient) -> None:
    """Close in a task of its own: rstream swallows a cancellation that reaches it while it closes.

    A projection that was cancelled there went on, and whoever had cancelled it waited for ever.
    """
    closing = asyncio.create_task(_close_politely(client))
    _closing.add(closing)
    closing.add_done_callback(_closing.discard)
    await asyncio.wait([closing], timeout=CLOSE_TIMEOUT_S)


async def _close_politely(client: ChunkClient) -> None:
    try:
        with suppress(OSError, asyncio.TimeoutError, *_STREAM_ERRORS):
            await client.close()
    finally:
        # A process that ends does not wait for the broker's farewell.
        connection = client._conn  # noqa: SLF001 - rstream has no other way to cut it
        if connection is not None and connection._writer is not None:  # noqa: SLF001
            connection._writer.transport.abort()  # noqa: SLF001


async def _connect(client: ChunkClient, reader: StreamReader, address: SplitResult) -> None:
    with _translated(f"{address.hostname}:{address.port}"):
        await client.start()
        await client.authenticate(
            vhost=unquote(address.path.removeprefix("/")) or "/",
            username=unquote(address.username or ""),
            password=unquote(address.password or ""),
        )
        client.add_handler(schema.MetadataUpdate, reader.lose, name=str(_SUBSCRIPTION))


async def _require_leader(client: ChunkClient, stream: str, address: SplitResult) -> None:
    """Return where this node leads the stream, or is the only one that has it."""
    with _translated(stream):
        leader, replicas = await client.query_leader_and_replicas(stream)
    if replicas and (leader.host, leader.port) != (address.hostname, address.port):
        login, at, _ = address.netloc.rpartition("@")
        host = f"[{leader.host}]" if ":" in leader.host else leader.host
        raise _LedElsewhereError(address._replace(netloc=f"{login}{at}{host}:{leader.port}"))


async def _subscribe(client: ChunkClient, stream: str, start: StreamStart) -> None:
    match start:
        case StreamEnd.FIRST:
            specification = schema.OffsetSpec.from_params(OffsetType.FIRST, None)
        case StreamEnd.LAST:
            specification = schema.OffsetSpec.from_params(OffsetType.LAST, None)
        case datetime():
            milliseconds = to_us(start) // 1_000
            specification = schema.OffsetSpec.from_params(OffsetType.TIMESTAMP, milliseconds)
        case _:
            specification = schema.OffsetSpec.from_params(OffsetType.OFFSET, start)
    with _translated(stream):
        await client.subscribe(
            stream, _SUBSCRIPTION, offset_spec=specification, initial_credit=CREDIT_MAX
        )


def _present(frame: bytearray | None, stream: str) -> bytearray:
    if frame is None:
        raise BrokerUnavailableError(f"lost the connection to {stream}")
    return frame


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (TimeoutError, OSError, *_STREAM_ERRORS) as error:
        reason = str(error) or type(error).__name__
        raise BrokerUnavailableError(f"cannot read {what}: {reason}") from error
