"""The file of device logs: whole lines, in order, bounded, whatever happens to the process."""

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from weir.clock import to_us
from weir.device_log_file import FILE_NAME, DeviceLogFile, format_line
from weir.errors import ConfigError, StoreUnavailableError
from weir.model.device_log import Level, LogBatch, LogEntry

RECEIVED_AT = datetime(2026, 3, 14, 15, 9, 26, 535_897, tzinfo=UTC)
LOGGED_AT_US = 1_773_500_966_000_001


def entry(message: str = "pump started", logged_at_us: int = LOGGED_AT_US) -> LogEntry:
    return LogEntry(logged_at_us, Level.WARNING, message, {"rpm": "1500"})


def batch(*entries: LogEntry) -> list[LogBatch]:
    return [LogBatch("pump-1", 0, to_us(RECEIVED_AT), 0, entries)]


def lines(folder: Path, suffix: str = "") -> list[dict[str, Any]]:
    text = (folder / f"{FILE_NAME}{suffix}").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


async def test_every_entry_is_a_line_of_json(tmp_path: Path) -> None:
    sink = DeviceLogFile(tmp_path / "made" / "by us")
    await sink.write(batch(entry(), entry("grüße\nzweite Zeile\t\x1b[31m")))
    first, second = lines(tmp_path / "made" / "by us")
    assert {
        "logged_at": "2026-03-14T15:09:26.000001Z",
        "received_at": "2026-03-14T15:09:26.535897Z",
        "serial": "pump-1",
        "level": "warning",
        "message": "pump started",
        "attributes": {"rpm": "1500"},
    } == first
    assert "grüße\nzweite Zeile\t\x1b[31m" == second["message"]


@pytest.mark.parametrize("logged_at_us", [0, -1, 2**62, -(2**63)])
def test_a_time_that_cannot_be_is_null(logged_at_us: int) -> None:
    line = json.loads(format_line("pump-1", RECEIVED_AT, entry(logged_at_us=logged_at_us)))
    assert line["logged_at"] is None


async def test_full_files_are_rotated_and_the_oldest_is_dropped(tmp_path: Path) -> None:
    line_bytes = len(format_line("pump-1", RECEIVED_AT, entry("00")))
    sink = DeviceLogFile(tmp_path, bytes_max=2 * line_bytes, count_max=3)
    for number in range(9):
        await sink.write(batch(entry(f"{number:02}")))
    written = {
        suffix: [line["message"] for line in lines(tmp_path, suffix)] for suffix in ("", ".1", ".2")
    }
    assert {"": ["08"], ".1": ["06", "07"], ".2": ["04", "05"]} == written
    assert not (tmp_path / f"{FILE_NAME}.3").exists()


async def test_a_batch_larger_than_a_file_is_written_whole(tmp_path: Path) -> None:
    sink = DeviceLogFile(tmp_path, bytes_max=100)
    await sink.write(batch(*(entry(str(number)) for number in range(5))))
    assert 5 == len(lines(tmp_path))


async def test_a_line_that_was_torn_is_ended_before_the_next(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(format_line("pump-1", RECEIVED_AT, entry()) + b'{"logged')
    await DeviceLogFile(tmp_path).write(batch(entry("after")))
    whole, torn, after = (tmp_path / FILE_NAME).read_text().splitlines()
    assert '{"logged' == torn
    assert ["pump started", "after"] == [json.loads(line)["message"] for line in (whole, after)]


async def test_a_restart_continues_the_file(tmp_path: Path) -> None:
    for number in range(3):
        sink = DeviceLogFile(tmp_path)
        await sink.write(batch(entry(str(number))))
        sink.close()
    assert ["0", "1", "2"] == [line["message"] for line in lines(tmp_path)]


async def test_one_process_at_a_time_writes(tmp_path: Path) -> None:
    first, second = DeviceLogFile(tmp_path), DeviceLogFile(tmp_path)
    await first.write(batch(entry()))
    with pytest.raises(ConfigError, match="another process"):
        await second.write(batch(entry()))
    first.close()
    await second.write(batch(entry()))


async def test_a_full_disk_leaves_no_half_line_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = DeviceLogFile(tmp_path)
    await sink.write(batch(entry("before")))
    real_write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, content: real_write(file, content[:10]))
        with pytest.raises(StoreUnavailableError, match="device log"):
            await sink.write(batch(entry("during")))
    await sink.write(batch(entry("after")))
    assert ["before", "after"] == [line["message"] for line in lines(tmp_path)]


async def test_a_disk_that_fails_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sink = DeviceLogFile(tmp_path)
    with monkeypatch.context() as full:
        full.setattr(os, "write", fail)
        with pytest.raises(StoreUnavailableError, match="No space"):
            await sink.write(batch(entry()))
    await sink.write(batch(entry("after")))
    assert ["after"] == [line["message"] for line in lines(tmp_path)]
