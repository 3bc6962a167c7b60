"""Compare the account of a fleet with what a server has: readings, gaps, dead letters."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from producers.fleet.account import AccountFile, Block, Header, Outcome
from producers.fleet.plan import times_of

#: Devices whose readings are asked for at once.
GROUP_COUNT = 50
#: Problems that a report quotes of each kind; further ones are only counted.
QUOTED_COUNT_MAX = 5

Run = tuple[int, int]
StoredReading = tuple[str, int, float]


class Server(Protocol):
    """What a server tells about a fleet."""

    def readings(
        self, serials: Sequence[str], field: str, since_us: int, until_us: int
    ) -> Iterator[StoredReading]:
        """Give all readings of a field in [since, until): serial, instant, value."""
        ...

    def missing(self, serial: str, boot_id: int) -> Sequence[Run]:
        """Give the runs of sequence numbers of a boot that never arrived, ascending."""
        ...

    def undecodable(self, since_us: int) -> Iterator[tuple[str, int]]:
        """Give serial and size of each message that was rejected as undecodable since then."""
        ...


@dataclass
class Check:
    """One thing that is compared; `problems` are the first of `problem_count`."""

    name: str
    expected: int = 0
    found: int = 0
    problem_count: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem_count

    def note(self, problem: str) -> None:
        """Count a problem, and quote it if it is among the first."""
        self.problem_count += 1
        if len(self.problems) < QUOTED_COUNT_MAX:
            self.problems.append(problem)


@dataclass
class Report:
    """What is as it should be, and what is not.

    Attributes:
        readings: of acknowledged messages, stored once with their values.
        strangers: readings that nobody has sent; expected are none.
        gaps: missing sequence numbers, shown as such.
        dead_letters: acknowledged garbage, kept.
        uncertain_count: readings that were sent and not acknowledged: stored, or not.
    """

    readings: Check = field(default_factory=lambda: Check("acknowledged readings stored"))
    strangers: Check = field(default_factory=lambda: Check("readings that nobody sent"))
    gaps: Check = field(default_factory=lambda: Check("missing batches shown"))
    dead_letters: Check = field(default_factory=lambda: Check("garbage kept as dead letters"))
    uncertain_count: int = 0

    @property
    def checks(self) -> tuple[Check, ...]:
        """All of them, in the order in which they are shown."""
        return (self.readings, self.strangers, self.gaps, self.dead_letters)

    @property
    def is_good(self) -> bool:
        """Whether the server has what was sent, and nothing else."""
        return all(check.is_good for check in self.checks)


def verify(
    account: AccountFile,
    server: Server,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Report:
    """Compare everything; `on_progress` is called with the number of devices that are done.

    Raises:
        ConfigError: the account is broken.
        WeirError: as the server raises.
    """
    report = Report()
    header = account.header
    garbage: Counter[tuple[str, int]] = Counter()
    unsure: Counter[tuple[str, int]] = Counter()
    done_count = 0
    for serials in _groups(account.serials):
        expected = {serial: _expect(header, account.blocks(serial)) for serial in serials}
        _compare_readings(report, header, server, expected)
        for serial, wanted in expected.items():
            _compare_gaps(report.gaps, serial, wanted, server.missing(serial, header.boot_id))
            garbage.update((serial, size) for size in wanted.garbage_bytes)
            unsure.update((serial, size) for size in wanted.unsure_garbage_bytes)
            done_count += 1
            on_progress(done_count)
    kept = (each for each in server.undecodable(header.started_us) if each in garbage | unsure)
    _compare_garbage(report.dead_letters, garbage, Counter(kept))
    return report


@dataclass
class _Expected:
    """What a server must have of one device, and may have."""

    certain: dict[int, float] = field(default_factory=dict)
    uncertain: dict[int, float] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    unsure_sequences: set[int] = field(default_factory=set)
    #: Behind the last message that arrived a server cannot know of any.
    last_arrived: int = 0
    garbage_bytes: list[int] = field(default_factory=list)
    unsure_garbage_bytes: list[int] = field(default_factory=list)
    first_us: int = 0
    end_us: int = 0


def _expect(header: Header, blocks: Iterable[Block]) -> _Expected:
    wanted = _Expected()
    count = header.readings_per_message
    for block in blocks:
        wanted.first_us = wanted.first_us or block.first_us
        for index, letter in enumerate(block.outcomes):
            sequence = block.first_sequence + index
            first_us = block.first_us + index * count * header.period_us
            values = block.values[index * count : (index + 1) * count]
            readings = dict(zip(times_of(first_us, header.period_us, count), values, strict=True))
            wanted.end_us = first_us + count * header.period_us
            match Outcome(letter):
                case Outcome.ACKNOWLEDGED:
                    wanted.certain |= readings
                    wanted.last_arrived = sequence
                case Outcome.UNACKNOWLEDGED:
                    wanted.uncertain |= readings
                    wanted.unsure_sequences.add(sequence)
                case Outcome.MISSING:
                    wanted.missing.append(sequence)
        for each in block.garbage:
            sizes = wanted.garbage_bytes if each.acknowledged else wanted.unsure_garbage_bytes
            sizes.append(len(each.body) // 2)
    return wanted


def _compare_readings(
    report: Report, header: Header, server: Server, expected: Mapping[str, _Expected]
) -> None:
    check = report.readings
    check.expected += sum(len(wanted.certain) for wanted in expected.values())
    report.uncertain_count += sum(len(wanted.uncertain) for wanted in expected.values())
    since_us = min(wanted.first_us for wanted in expected.values())
    until_us = max(wanted.end_us for wanted in expected.values())
    for serial, at_us, value in server.readings(list(expected), header.field, since_us, until_us):
        wanted = expected[serial]
        if at_us in wanted.certain:
            # What is left in the end was not stored; what comes again is a stranger.
            should_be = wanted.certain.pop(at_us)
            check.found += 1
            if should_be != value:
                check.note(f"{serial} at {at_us}: {value} is stored, {should_be} was sent")
        elif at_us in wanted.uncertain:
            should_be = wanted.uncertain.pop(at_us)
            if should_be != value:
                check.note(f"{serial} at {at_us}: {value} is stored, {should_be} was sent")
        else:
            report.strangers.found += 1
            report.strangers.note(f"{serial} at {at_us}: {value} is stored, and was never sent")
    for serial, wanted in expected.items():
        for at_us, value in wanted.certain.items():
            check.note(f"{serial} at {at_us}: {value} was acknowledged, and is not stored")


def _compare_gaps(check: Check, serial: str, wanted: _Expected, runs: Sequence[Run]) -> None:
    shown = {number for first, last in runs for number in range(first, last + 1)}
    for sequence in wanted.missing:
        if sequence > wanted.last_arrived:
            continue
        check.expected += 1
        if sequence in shown:
            check.found += 1
        else:
            check.note(f"{serial}: batch {sequence} was never sent, and is not shown as missing")
    strangers = shown - set(wanted.missing) - wanted.unsure_sequences
    for sequence in sorted(strangers):
        check.note(f"{serial}: batch {sequence} was sent, and is shown as missing")


def _compare_garbage(
    check: Check, garbage: Counter[tuple[str, int]], kept: Counter[tuple[str, int]]
) -> None:
    check.expected = garbage.total()
    # After a lost connection something may have been sent twice: more are no mistake.
    check.found = (garbage & kept).total()
    for (serial, size), count in (garbage - kept).items():
        check.note(f"{serial}: {count} of {size} bytes were acknowledged, and are not kept")


def _groups(serials: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(serials), GROUP_COUNT):
        yield serials[start : start + GROUP_COUNT]
