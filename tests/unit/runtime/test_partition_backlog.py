"""The backlog between reading and committing: bounded, in order."""

import asyncio

from weir.consumer import StreamMessage
from weir.runtime import partition_backlog
from weir.runtime.partition_backlog import Backlog, Entry


def entry(offset: int, *, size: int = 1, weight: int = 1) -> Entry[int]:
    return Entry(StreamMessage(offset, "", b"x" * size, 0), offset, None, weight)


async def test_everything_that_waits_is_taken_in_order() -> None:
    backlog: Backlog[int] = Backlog(5)
    for offset in (5, 6, 7):
        backlog.add(entry(offset))

    await backlog.wait_for_entries()

    assert [5, 6, 7] == [taken.message.offset for taken in backlog.take(8)]
    assert (8, 0) == (backlog.next_offset, len(backlog))


async def test_what_came_after_an_offset_stays_and_counts() -> None:
    backlog: Backlog[int] = Backlog(0)
    backlog.add(entry(0))
    backlog.add(entry(1, weight=partition_backlog.BACKLOG_ROWS_MAX))

    assert [0] == [taken.message.offset for taken in backlog.take(1)]
    assert backlog.is_full
    await backlog.wait_for_entries()
    assert [1] == [taken.message.offset for taken in backlog.take(2)]
    assert not backlog.is_full


async def test_no_more_are_taken_than_asked_for_and_the_rest_still_counts() -> None:
    backlog: Backlog[int] = Backlog(0)
    for offset in range(5):
        backlog.add(entry(offset))

    assert [0, 1] == [taken.message.offset for taken in backlog.take(5, 2)]
    await backlog.wait_for_entries()
    assert [2, 3, 4] == [taken.message.offset for taken in backlog.take(5, 3)]
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
