"""The account of a fleet: what is booked is read again; and what a server lacks is found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import pytest

from producers.fleet.account import BLOCK_MESSAGES, AccountBook, AccountFile
from producers.fleet.faults import Fault, FaultShares
from producers.fleet.plan import FleetPlan, Planned, messages, times_of
from producers.fleet.verifying import QUOTED_COUNT_MAX, Report, verify
from weir.errors import ConfigError

START_US = 1_795_248_000_000_000
SHARES = FaultShares(missing=0.1, duplicate=0.1, garbage=0.1)
PLAN = FleetPlan(2, 2.0, 7, "fleet-", 5, SHARES)
COUNT = BLOCK_MESSAGES + 10


@dataclass
class MemoryServer:
    """A server that has what it is given."""

    stored: dict[tuple[str, int], float] = field(default_factory=dict)
    gaps: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    rejected: list[tuple[str, int]] = field(default_factory=list)

    def readings(
        self, serials: Sequence[str], field: str, since_us: int, until_us: int
    ) -> Iterator[tuple[str, int, float]]:
        assert "signal" == field
        for (serial, at_us), value in self.stored.items():
            if serial in serials and since_us <= at_us < until_us:
                yield serial, at_us, value

    def missing(self, serial: str, boot_id: int) -> Sequence[tuple[int, int]]:
        assert boot_id == PLAN.boot_id
        return self.gaps.get(serial, [])

    def undecodable(self, since_us: int) -> Iterator[tuple[str, int]]:
        assert START_US == since_us
        return iter(self.rejected)


def planned_of(index: int) -> list[Planned]:
    return list(islice(messages(PLAN, index, START_US), COUNT))


def write(path: Path, *, unacknowledged: frozenset[tuple[str, int]] = frozenset()) -> MemoryServer:
    """Account for a fleet, and give a server that has all of it."""
    server = MemoryServer()
    with path.open("wb") as file:
        book = AccountBook(PLAN, START_US, file)
        for index in range(PLAN.devices):
            serial = PLAN.serial(index)
            for planned in planned_of(index):
                book.book(serial, planned)
                if planned.garbage:
                    book.acknowledge_garbage(serial, planned.sequence)
                    server.rejected.append((serial, len(planned.garbage)))
                if planned.fault is Fault.MISSING:
                    server.gaps.setdefault(serial, []).append((planned.sequence,) * 2)
                elif (serial, planned.sequence) not in unacknowledged:
                    book.acknowledge(serial, planned.sequence)
                    # As after a duplicate.
                    book.acknowledge(serial, planned.sequence)
                    store(server, serial, planned)
        book.close()
    return server


def store(server: MemoryServer, serial: str, planned: Planned) -> None:
    times = times_of(planned.first_us, PLAN.period_us, len(planned.values))
    for at_us, value in zip(times, planned.values, strict=True):
        server.stored[serial, at_us] = value


def problems(report: Report) -> dict[str, int]:
    return {check.name: check.problem_count for check in report.checks if check.problem_count}


def test_what_is_booked_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "account"
    write(path)
    account = AccountFile(path)
    assert (5, 500_000, 2) == (
        account.header.boot_id,
        account.header.period_us,
        account.header.readings_per_message,
    )
    assert ["fleet-1", "fleet-2"] == account.serials
    blocks = list(account.blocks("fleet-2"))
    planned = planned_of(1)
    assert [1, BLOCK_MESSAGES + 1] == [block.first_sequence for block in blocks]
    assert [value for each in planned for value in each.values] == [
        value for block in blocks for value in block.values
    ]
    missing = [each.sequence for each in planned if each.fault is Fault.MISSING]
    assert missing == [number for block in blocks for number in block.faults.get(Fault.MISSING, [])]
    assert account.totals is not None
    sent = sum(each.fault is not Fault.MISSING for index in range(2) for each in planned_of(index))
    assert (sent, sent, sent * 2) == (
        account.totals["messages_sent"],
        account.totals["messages_acknowledged"],
        account.totals["readings_acknowledged"],
    )


def test_a_server_that_has_everything_is_good(tmp_path: Path) -> None:
    server = write(tmp_path / "account")
    report = verify(AccountFile(tmp_path / "account"), server)
    assert {} == problems(report)
    assert report.is_good
    assert [len(server.stored), 0, 0] == [
        report.readings.found,
        report.strangers.found,
        report.uncertain_count,
    ]
    assert report.gaps.expected == report.gaps.found > 0
    assert report.dead_letters.expected == report.dead_letters.found == len(server.rejected) > 0


def test_a_reading_that_is_lost_changed_or_invented_is_found(tmp_path: Path) -> None:
    server = write(tmp_path / "account")
    lost, changed, *_ = list(server.stored)
    del server.stored[lost]
    server.stored[changed] += 0.01
    server.stored["fleet-1", changed[1] + 1] = 3.0
    report = verify(AccountFile(tmp_path / "account"), server)
    assert {"acknowledged readings stored": 2, "readings that nobody sent": 1} == problems(report)
    assert any("was acknowledged, and is not stored" in each for each in report.readings.problems)
    assert any("is stored, and was never sent" in each for each in report.strangers.problems)


def test_what_was_not_acknowledged_may_be_there_or_not(tmp_path: Path) -> None:
    planned = [each for each in planned_of(0) if each.fault is None]
    unsure = planned[3]
    serial = PLAN.serial(0)
    path = tmp_path / "account"
    server = write(path, unacknowledged=frozenset({(serial, unsure.sequence)}))
    assert verify(AccountFile(path), server).is_good
    server.gaps[serial] = sorted([*server.gaps[serial], (unsure.sequence, unsure.sequence)])
    assert verify(AccountFile(path), server).is_good
    store(server, serial, unsure)
    report = verify(AccountFile(path), server)
    assert report.is_good
    assert 2 == report.uncertain_count
    store(server, serial, replace(unsure, values=(1e6, 1e6)))
    assert {"acknowledged readings stored": 2} == problems(verify(AccountFile(path), server))


def test_gaps_must_be_those_that_were_made(tmp_path: Path) -> None:
    server = write(tmp_path / "account")
    (first, _), *others = server.gaps["fleet-1"]
    sent = next(each.sequence for each in planned_of(0) if each.fault is None)
    server.gaps["fleet-1"] = [(sent, sent), *others]
    report = verify(AccountFile(tmp_path / "account"), server)
    assert {
        f"fleet-1: batch {first} was never sent, and is not shown as missing",
        f"fleet-1: batch {sent} was sent, and is shown as missing",
    } == set(report.gaps.problems)


def test_garbage_must_be_kept_and_problems_are_quoted_up_to_a_bound(tmp_path: Path) -> None:
    server = write(tmp_path / "account")
    server.rejected.clear()
    report = verify(AccountFile(tmp_path / "account"), server)
    assert QUOTED_COUNT_MAX < report.dead_letters.problem_count
    assert QUOTED_COUNT_MAX == len(report.dead_letters.problems)


def test_an_account_that_ends_early_is_one_of_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "account"
    server = write(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    account = AccountFile(path)
    assert account.totals is None
    first = [each for each in server.stored if each[0] in account.serials]
    assert verify(account, server).readings.found <= len(first)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no account"),
        (b"serial,value\n", "is no account"),
        (b'{"account": 2}\n', "is no account"),
        (None, "No such file"),
    ],
)
def test_what_is_no_account_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "account"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        AccountFile(path)


def test_a_line_that_is_no_block_is_named(tmp_path: Path) -> None:
    path = tmp_path / "account"
    write(path)
    header, *_ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(header + b'{"serial":"x","outcomes":"zzz"}\n')
    with pytest.raises(ConfigError, match="is no line of an account"):
        AccountFile(path)
