"""Messages that are decoded together: the same is stored, whatever becomes of the others."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.messages import as_stored
from weir.codec.single_join import Split
from weir.consumer import Joined, StreamConsumer, StreamMessage
from weir.errors import DecodeError, NotApprovedError, RefusedItemsError, RejectedByStoreError
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.rabbitmq.stream_client import Chunk
from weir.runtime.partition_commit import commit_entries, commit_whole
from weir.runtime.partition_decode import open_pieces, pieces_of, take_apart
from weir.runtime.partition_entry import Entry, Piece, Run

STREAM = "work.0"


class Ledger(StreamConsumer[tuple[int, ...]]):
    """Keeps the numbers that messages carry, and joins those that have two digits."""

    name = "ledger"
    joined_bytes_max = 1_000

    def __init__(self, refused: AbstractSet[int], waiting: AbstractSet[int]) -> None:
        self.checkpoint_name = self.name
        self.refused = refused
        self.waiting = waiting
        self.next_offset = 0
        self.stored: list[int] = []
        self.letters: list[DeadLetter] = []
        self.transaction_count = 0

    def decode(self, message: StreamMessage) -> tuple[int, ...]:
        if message.body == b"bad":
            raise DecodeError("bad")
        return (int(message.body),)

    def join(
        self, stored: Sequence[bytes], received_at_us: NDArray[np.int64], split: Split
    ) -> Joined[tuple[int, ...]] | None:
        assert len(stored) == len(received_at_us)
        bodies = [split(raw)[1] for raw in stored]
        rows = [row for row, body in enumerate(bodies) if len(body) == 2]
        keys = [split(stored[row])[0] for row in rows]
        return Joined(tuple(int(bodies[row]) for row in rows), rows, keys) if rows else None

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[tuple[int, ...]],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        self.transaction_count += 1
        assert start.next_offset == self.next_offset
        waiting = {i: NotApprovedError() for i, item in enumerate(items) if self.waiting & {*item}}
        if waiting:
            raise RefusedItemsError(waiting)
        numbers = [number for item in items for number in item]
        if self.refused & set(numbers):
            raise RejectedByStoreError("out of range")
        self.next_offset = next_offset
        self.stored += numbers
        self.letters += letters
        return AppendReport(stored_count=len(numbers))


def chunked(bodies: Sequence[bytes], size: int = 3) -> list[Piece[tuple[int, ...]]]:
    """Give messages as a backlog has them, `size` in a chunk; the offset is its number."""
    runs: list[Piece[tuple[int, ...]]] = []
    for start in range(0, len(bodies), size):
        numbered = enumerate(bodies[start : start + size], start)
        stored = [as_stored(f"dev-{at}", body) for at, body in numbered]
        runs.append(Run(start, start, stored, sum(map(len, stored))))
    return runs


async def settle(
    ledger: Ledger, pieces: Sequence[Piece[tuple[int, ...]]]
) -> list[Entry[tuple[int, ...]]]:
    """Do with pieces what a worker does."""
    start = Checkpoint(ledger.name, STREAM, 0)
    entries = await open_pieces(ledger, STREAM, pieces)
    if await commit_whole(ledger, start, entries) is None:
        entries = await take_apart(ledger, STREAM, pieces)
        await commit_entries(ledger, start, entries)
    return entries


numbers = st.integers(0, 30)
few = st.sets(numbers, max_size=3)


@given(
    bodies=st.lists(st.one_of(st.just(b"bad"), numbers.map(lambda n: b"%d" % n)), min_size=1),
    refused=few,
    waiting=few,
    size=st.integers(1, 5),
)
async def test_what_is_joined_is_stored_as_if_it_were_not(
    bodies: list[bytes], refused: set[int], waiting: set[int], size: int
) -> None:
    ledger = Ledger(refused, waiting)

    await settle(ledger, chunked(bodies, size))

    wrong = refused | waiting
    is_good = [body != b"bad" and int(body) not in wrong for body in bodies]
    stored = [int(body) for body, good in zip(bodies, is_good, strict=True) if good]
    assert sorted(stored) == sorted(ledger.stored)
    assert [at for at, good in enumerate(is_good) if not good] == [
        letter.source_offset for letter in ledger.letters
    ]
    assert len(bodies) == ledger.next_offset


class Broken(Ledger):
    """Cannot join, for one reason or the other."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__(set(), set())
        self.error = error

    def join(
        self, stored: Sequence[bytes], received_at_us: NDArray[np.int64], split: Split
    ) -> Joined[tuple[int, ...]] | None:
        del stored, received_at_us, split
        if self.error:
            raise self.error
        return Joined((), [], [])


@pytest.mark.parametrize("error", [None, OverflowError("too large")])
async def test_what_cannot_be_joined_is_stored_all_the_same(error: Exception | None) -> None:
    ledger = Broken(error)
    await settle(ledger, chunked([b"10", b"bad", b"11"]))
    assert ([10, 11], 1, 3) == (ledger.stored, len(ledger.letters), ledger.next_offset)


async def test_everything_alike_is_one_item_in_one_transaction() -> None:
    ledger = Ledger(set(), set())
    (whole,) = await settle(ledger, chunked([b"10", b"11", b"12"], 2))
    assert (1, [10, 11, 12]) == (ledger.transaction_count, ledger.stored)
    assert [f"sensor.dev-{at}.measurements" for at in range(3)] == whole.routing_keys


async def test_one_of_several_stands_where_its_last_message_was() -> None:
    pieces = chunked([b"10", b"1", b"11", b"bad"], 2)
    entries = await open_pieces(Ledger(set(), set()), STREAM, pieces)
    assert [1, 2, 3] == [entry.message.offset for entry in entries]
    assert [0, 2, 0] == [len(entry.routing_keys) for entry in entries]


def test_a_chunk_of_small_messages_is_one_run() -> None:
    assert [Run(5, 7, [b"a", b"bb"], 3)] == list(pieces_of(Chunk(5, 7, [b"a", b"bb"]), 2))


def test_large_messages_of_a_chunk_stand_alone_in_their_places() -> None:
    sizes = [1, 3, 2, 2, 3]
    chunk = Chunk(5, 7, [b"x" * size for size in sizes])
    assert [
        Run(5, 7, [b"x"], 1),
        StreamMessage(6, "", b"xxx", 7),
        Run(7, 7, [b"xx", b"xx"], 4),
        StreamMessage(9, "", b"xxx", 7),
    ] == list(pieces_of(chunk, 2))
    assert 5 == len(list(pieces_of(chunk, 0)))
    assert [] == list(pieces_of(Chunk(5, 7, []), 2))
