"""What of an account is read, and how many connections share a fleet: each has a bound."""

from pathlib import Path

import pytest

from producers.fleet import account
from producers.fleet.account import BLOCK_MESSAGES, AccountBook, AccountFile
from producers.fleet.faults import FaultShares
from producers.fleet.plan import FleetPlan, messages
from weir.errors import ConfigError

START_US = 1_795_248_000_000_000
PLAN = FleetPlan(1, 1.0, 7, "fleet-", 5, FaultShares())


def written(path: Path, count: int) -> AccountBook:
    source = messages(PLAN, 0, START_US)
    with path.open("wb") as file:
        book = AccountBook(PLAN, START_US, file)
        for _ in range(count):
            planned = next(source)
            book.book("fleet-1", planned)
            book.acknowledge("fleet-1", planned.sequence)
        book.close()
    return book


def test_a_block_is_written_when_it_is_settled_and_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "account"
    source = messages(PLAN, 0, START_US)
    with path.open("wb") as file:
        book = AccountBook(PLAN, START_US, file)
        for _ in range(10 * BLOCK_MESSAGES):
            planned = next(source)
            book.book("fleet-1", planned)
            book.acknowledge("fleet-1", planned.sequence)
            assert len(book._open["fleet-1"]) <= 1
    assert 11 == len(path.read_bytes().splitlines())


def test_a_line_that_is_too_long_is_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "account"
    written(path, BLOCK_MESSAGES)
    longest = max(map(len, path.read_bytes().splitlines(keepends=True)))
    monkeypatch.setattr(account, "LINE_BYTES_MAX", longest)
    assert ["fleet-1"] == AccountFile(path).serials
    monkeypatch.setattr(account, "LINE_BYTES_MAX", longest - 1)
    with pytest.raises(ConfigError, match="is no line of an account"):
        AccountFile(path)
