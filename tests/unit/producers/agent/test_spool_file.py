"""The spool's file: what is kept, what is dropped first, what is remembered."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.agent.configuration import WhenFull
from producers.agent.message import Gap, Message
from producers.agent.spool_file import NEWS_BYTES, REPLY_COUNT_MAX, ROW_BYTES, SpoolFile
from weir.errors import SpoolFullError

BODY = bytes(1_000)
COST = len(BODY) + ROW_BYTES
#: Ten messages.
BYTES_MAX = 10 * COST


def message(number: int, kind: str = "measurements", serial: str = "pump-1") -> Message:
    return Message(serial, kind, BODY, number * 10, number * 10 + 9, 5)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SpoolFile]:
    file = SpoolFile(tmp_path / "spool", BYTES_MAX, WhenFull.DROP_OLDEST)
    yield file
    file.close()


@pytest.fixture
def stopping(tmp_path: Path) -> Iterator[SpoolFile]:
    file = SpoolFile(tmp_path / "spool", BYTES_MAX, WhenFull.STOP_READING)
    yield file
    file.close()


def append(file: SpoolFile, *messages: Message, kept: frozenset[int] = frozenset()) -> list[int]:
    with file.transaction():
        ids = [file.append(each, kept) for each in messages]
    return [id_ for id_ in ids if id_ is not None]


def waiting(file: SpoolFile, serial: str = "pump-1") -> list[int]:
    return [each.first_us // 10 for _, each in file.backlog(serial, 0, 1_000)]


def test_what_is_appended_waits_in_order_until_it_is_removed(file: SpoolFile) -> None:
    ids = append(file, *(message(number) for number in range(3)))
    assert (3, 3 * COST) == (file.waiting_count, file.waiting_bytes)
    with file.transaction():
        file.remove([ids[1], 99])
    assert ([0, 2], 2, 2 * COST) == (waiting(file), file.waiting_count, file.waiting_bytes)
    assert [2] == [each.first_us // 10 for _, each in file.backlog("pump-1", ids[0], 10)]
    assert [] == waiting(file, "pump-2")


def test_it_is_there_when_the_file_is_opened_again(tmp_path: Path, file: SpoolFile) -> None:
    (id_,) = append(file, message(1))
    again = SpoolFile(tmp_path / "spool", BYTES_MAX, WhenFull.DROP_OLDEST)
    assert [(id_, message(1))] == again.backlog("pump-1", 0, 10)
    assert COST == again.waiting_bytes
    again.close()


def test_a_transaction_that_fails_changes_nothing(file: SpoolFile) -> None:
    append(file, message(1))
    with pytest.raises(TypeError):
        append(file, message(2), Message("pump-1", "logs", None))  # type: ignore[arg-type] # so that it fails
    assert ([1], COST) == (waiting(file), file.waiting_bytes)


def test_when_it_is_full_the_oldest_are_dropped_and_their_bounds_kept(file: SpoolFile) -> None:
    append(file, *(message(number) for number in range(12)))
    assert list(range(2, 12)) == waiting(file)
    assert 2 == file.dropped_count
    assert [Gap("pump-1", "measurements", 0, 19, 2, 10)] == file.take_gaps()
    assert [] == file.take_gaps()


def test_the_least_important_are_dropped_first(file: SpoolFile) -> None:
    append(file, message(0), message(1, "events"), message(2, "logs"), message(3, "logs"))
    append(file, *(message(number) for number in range(4, 13)))
    assert [1, *range(4, 13)] == waiting(file)
    assert {"logs": 2, "measurements": 1} == {
        gap.kind: gap.message_count for gap in file.take_gaps()
    }


def test_what_is_more_important_is_not_dropped_for_less(file: SpoolFile) -> None:
    append(file, *(message(number, "events") for number in range(10)))
    assert [] == append(file, message(10))
    assert list(range(10)) == waiting(file)
    assert [Gap("pump-1", "measurements", 100, 109, 1, 5)] == file.take_gaps()


def test_what_is_under_way_is_not_dropped(file: SpoolFile) -> None:
    ids = append(file, *(message(number) for number in range(10)))
    append(file, message(10), kept=frozenset(ids[:2]))
    assert [0, 1, *range(3, 11)] == waiting(file)


def test_where_reading_stops_nothing_is_dropped_and_news_finds_room(stopping: SpoolFile) -> None:
    append(stopping, *(message(number) for number in range(10)))
    with pytest.raises(SpoolFullError, match="11280 bytes wait"):
        append(stopping, message(10))
    news = NEWS_BYTES // COST
    append(stopping, *(message(number, "events") for number in range(news)))
    with pytest.raises(SpoolFullError):
        append(stopping, message(0, "events"))
    assert 10 + news == stopping.waiting_count


def test_a_damaged_file_is_no_spool(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"rubbish" * 1_000)
    with pytest.raises(sqlite3.DatabaseError):
        SpoolFile(tmp_path / "spool", BYTES_MAX, WhenFull.DROP_OLDEST)


def test_replies_are_remembered_for_each_device_up_to_a_bound(file: SpoolFile) -> None:
    with file.transaction():
        for number in range(REPLY_COUNT_MAX + 5):
            file.remember_reply("pump-1", str(number), b"first")
        file.remember_reply("pump-1", "7", b"second")
        file.remember_reply("pump-2", "1", b"other")
    assert [None, b"first", b"second", b"other"] == [
        file.reply_to("pump-1", "4"),
        file.reply_to("pump-1", "5"),
        file.reply_to("pump-1", "7"),
        file.reply_to("pump-2", "1"),
    ]


def test_notes_are_kept_under_their_keys(file: SpoolFile) -> None:
    with file.transaction():
        file.put_note("a", {"x": 1})
        file.put_note("a", {"x": 2})
    assert ({"x": 2}, None) == (file.note("a"), file.note("b"))


def test_ids_go_on_after_those_of_a_file_that_was_put_aside(tmp_path: Path) -> None:
    file = SpoolFile(tmp_path / "other", BYTES_MAX, WhenFull.DROP_OLDEST, first_id=1_000)
    assert [1_000] == append(file, message(1))
    file.close()
