"""The backlog between reading and committing: bounded, in order."""

import asyncio
from collections.abc import Sequence

from weir.consumer import StreamMessage
from weir.runtime import partition_backlog
from weir.runtime.partition_backlog import Backlog
from weir.runtime.partition_entry import Entry, Piece, Run


def entry(offset: int, *, size: int = 1, weight: int = 1) -> Entry[int]:
    return Entry(StreamMessage(offset, "", b"x" * size, 0), offset, None, weight)


def run(first_offset: int, *bodies: bytes) -> Run:
    return Run(first_offset, 7, list(bodies), sum(map(len, bodies)))


def first_offsets(pieces: Sequence[Piece[int]]) -> list[int]:
    return [piece.first_offset for piece in pieces]


async def test_everything_that_waits_is_taken_in_order() -> None:
    backlog: Backlog[int] = Backlog(5)
    for offset in (5, 6, 7):
        backlog.add(entry(offset))

    await backlog.wait_for_entries()

    assert [5, 6, 7] == first_offsets(backlog.take(8))
    assert 8 == backlog.next_offset
    assert not backlog


async def test_what_came_after_an_offset_stays_and_counts() -> None:
    backlog: Backlog[int] = Backlog(0)
    backlog.add(entry(0))
    backlog.add(entry(1, weight=partition_backlog.BACKLOG_ROWS_MAX))

    assert [0] == first_offsets(backlog.take(1))
    assert backlog.is_full
    await backlog.wait_for_entries()
    assert [1] == first_offsets(backlog.take(2))
    assert not backlog.is_full


async def test_no_more_are_taken_than_asked_for_and_the_rest_still_counts() -> None:
    backlog: Backlog[int] = Backlog(0)
    for offset in range(5):
        backlog.add(entry(offset))

    assert [0, 1] == first_offsets(backlog.take(5, 2))
    await backlog.wait_for_entries()
    assert [2, 3, 4] == first_offsets(backlog.take(5, 3))
    assert not backlog


async def test_the_reader_waits_at_the_bound_of_bytes_until_all_is_taken() -> None:
    backlog: Backlog[int] = Backlog(0)
    backlog.add(entry(0, size=partition_backlog.BACKLOG_BYTES_MAX))
    reader = asyncio.create_task(backlog.wait_for_room())
    await asyncio.wait([reader], timeout=0)

    assert not reader.done()
    backlog.take(1)
    await reader


async def test_the_reader_waits_at_the_bound_of_rows() -> None:
    backlog: Backlog[int] = Backlog(0)
    backlog.add(entry(0, weight=partition_backlog.BACKLOG_ROWS_MAX - 1))

    assert not backlog.is_full
    backlog.add(entry(1))
    assert backlog.is_full


async def test_a_run_is_cut_where_enough_is_taken_and_the_rest_still_counts() -> None:
    backlog: Backlog[int] = Backlog(5)
    backlog.add(run(5, b"a", b"bb", b"ccc"))
    backlog.add(entry(8))
    backlog.add(run(9, b"dddd"))

    assert [run(5, b"a", b"bb")] == backlog.take(10, 2)
    assert [run(7, b"ccc"), entry(8)] == backlog.take(9)
    assert [run(9, b"dddd")] == backlog.take(10)
    assert (10, 0, 0) == (backlog.next_offset, backlog._bytes, backlog._rows)


async def test_a_run_is_cut_at_an_offset() -> None:
    backlog: Backlog[int] = Backlog(0)
    backlog.add(run(0, b"a", b"b", b"c"))
    assert [run(0, b"a", b"b")] == backlog.take(2, 10)
    assert [] == backlog.take(2)
    await backlog.wait_for_entries()
    assert [run(2, b"c")] == backlog.take(3)


async def test_what_one_commit_can_open_is_plenty() -> None:
    backlog: Backlog[int] = Backlog(0)
    backlog.add(run(0, *[b""] * (partition_backlog.OPENED_AT_ONCE_MAX - 1)))
    waiting = asyncio.create_task(backlog.wait_for_plenty(600.0))
    await asyncio.wait([waiting], timeout=0)
    assert not waiting.done()

    backlog.add(run(partition_backlog.OPENED_AT_ONCE_MAX - 1, b""))
    await waiting
    assert backlog.take(backlog.next_offset, partition_backlog.OPENED_AT_ONCE_MAX)
    assert not backlog.is_plenty
