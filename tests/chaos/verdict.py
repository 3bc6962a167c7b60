"""Judge a run. Pure: what was planned, attempted and acknowledged against what is there.

The log decides what every reading must be: the first append of a key stays, a correction wins
over it, and the last correction over others. The accounts decide what must be in the log.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.account import Account
from tests.chaos.evidence import Evidence, Key, Rollup, Value
from tests.chaos.plan import Kind, Message, readings
from tests.chaos.stream_log import end_marks

_MINUTE_US = 60_000_000
_APPENDS = (Kind.BATCH, Kind.LATE)
_SHOWN_COUNT = 5


@dataclass(slots=True)
class Verdict:
    """What a run has shown. Counts are of readings, unless they say otherwise.

    Attributes:
        lost: acknowledged, and not stored with the right value.
        duplicated: stored twice, or never attempted.
        problems: everything that is wrong, a sentence each; empty when the run has passed.
    """

    attempted: int = 0
    acknowledged: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    poison: int = 0
    dead_letters: int = 0
    rollups: int = 0
    problems: list[str] = field(default_factory=list)

    def check(self, what: str, wrong: object) -> None:
        """Note a problem when `wrong` has anything in it; shows some of it."""
        if isinstance(wrong, (list, set, dict, Counter)) and wrong:
            shown = ", ".join(repr(one) for one in list(wrong)[:_SHOWN_COUNT])
            self.problems.append(f"{len(wrong)} {what}: {shown}")


def judge(evidence: Evidence, partition_count: int) -> Verdict:
    """Compare everything with everything."""
    verdict = Verdict()
    stored = _judge_stored(verdict, evidence)
    _judge_accounts(verdict, evidence, stored)
    _judge_log(verdict, evidence, stored)
    _judge_dead_letters(verdict, evidence, dict(end_marks(partition_count)))
    _judge_rollups(verdict, evidence)
    _judge_registry(verdict, evidence)
    return verdict


def _judge_stored(verdict: Verdict, evidence: Evidence) -> dict[Key, Value]:
    rows: list[tuple[Key, Value]] = [*evidence.numbers, *evidence.texts]
    twice = [key for key, count in Counter(key for key, _ in rows).items() if count > 1]
    verdict.stored = len(rows)
    verdict.duplicated += len(twice)
    verdict.check("readings are stored twice", twice)
    return dict(rows)


def _judge_accounts(verdict: Verdict, evidence: Evidence, stored: dict[Key, Value]) -> None:
    """Hold what is stored against what publishers know, without a look at the log."""
    attempted: dict[Key, set[Value]] = defaultdict(set)
    required: dict[Key, set[Value]] = {}
    for message, account in _messages(evidence):
        if message.kind in (*_APPENDS, Kind.CORRECTION) and account.attempted[message.index]:
            for key, value in readings(message):
                attempted[key].add(value)
    corrected = _acknowledged(evidence, (Kind.CORRECTION,))
    for key in _acknowledged(evidence, _APPENDS):
        required[key] = attempted[key]
    for key, value in corrected.items():
        required[key] = {value}
    verdict.attempted = len(attempted)
    verdict.acknowledged = len(required)
    missing = [key for key in required if key not in stored]
    wrong = [key for key, values in required.items() if key in stored and stored[key] not in values]
    verdict.lost = len(missing) + len(wrong)
    verdict.check("acknowledged readings are missing", missing)
    verdict.check("acknowledged readings have another value", wrong)
    invented = [key for key in stored if key not in attempted]
    verdict.duplicated += len(invented)
    verdict.check("readings are stored that nobody attempted", invented)


def _acknowledged(evidence: Evidence, kinds: tuple[Kind, ...]) -> dict[Key, Value]:
    return {
        key: value
        for message, account in _messages(evidence)
        if message.kind in kinds and account.acknowledged[message.index]
        for key, value in readings(message)
    }


def _judge_log(verdict: Verdict, evidence: Evidence, stored: dict[Key, Value]) -> None:
    """Fold the streams, and hold what is stored against the outcome: it must be the same."""
    by_body = {message.body: message for message, _ in _messages(evidence)}
    in_log = {entry.body for entry in evidence.log}
    lost = [
        (message.serial, message.index)
        for message, account in _messages(evidence)
        if account.acknowledged[message.index]
        and message.kind is not Kind.ANNOUNCEMENT
        and message.body not in in_log
    ]
    verdict.check("acknowledged messages are not in the streams", lost)
    appended: dict[Key, Value] = {}
    corrected: dict[Key, Value] = {}
    for entry in evidence.log:
        message = by_body.get(entry.body)
        if message is None or message.kind is Kind.POISON:
            continue
        for key, value in readings(message):
            if message.kind is Kind.CORRECTION:
                corrected[key] = value
            else:
                appended.setdefault(key, value)
    folded = appended | corrected
    differing = [key for key in folded.keys() | stored.keys() if folded.get(key) != stored.get(key)]
    verdict.check("readings differ from what the streams say", differing)


def _judge_dead_letters(verdict: Verdict, evidence: Evidence, marks: dict[str, bytes]) -> None:
    """Every poison of the streams is a dead letter once, and nothing else is one."""
    bodies = {m.body for m, _ in _messages(evidence) if m.kind is Kind.POISON} | {*marks.values()}
    expected = {(e.stream, e.offset): e.body for e in evidence.log if e.body in bodies}
    kept = Counter((letter.source, letter.offset) for letter in evidence.dead_letters)
    verdict.poison = len(expected)
    verdict.dead_letters = len(evidence.dead_letters)
    verdict.check("dead letters are kept twice", [key for key, count in kept.items() if count > 1])
    verdict.check("poison messages are not kept", [key for key in expected if key not in kept])
    others = [
        (letter.source, letter.offset, letter.reason, letter.error, letter.body[:40])
        for letter in evidence.dead_letters
        if expected.get((letter.source, letter.offset or 0)) != letter.body
    ]
    verdict.check("dead letters that are no poison, or not as they were sent", others)


def _judge_rollups(verdict: Verdict, evidence: Evidence) -> None:
    by_minute: dict[Key, list[tuple[int, float]]] = defaultdict(list)
    for (serial, name, instant_us), value in evidence.numbers:
        minute_us = instant_us - instant_us % _MINUTE_US
        by_minute[serial, name, minute_us].append((instant_us, value))
    computed = {key: _roll_up(sorted(raw)) for key, raw in by_minute.items()}
    verdict.rollups = len(computed)
    keys = computed.keys() | evidence.rollups.keys()
    differing = [key for key in keys if computed.get(key) != evidence.rollups.get(key)]
    verdict.check("minutes differ from a recompute", differing)


def _roll_up(raw: list[tuple[int, float]]) -> Rollup:
    values = [value for _, value in raw]
    return Rollup(
        count=len(values),
        sum=sum(values),
        min=min(values),
        max=max(values),
        first=raw[0],
        last=raw[-1],
        sum_squares=sum(value * value for value in values),
        sum_positive=sum(value for value in values if value > 0),
        sum_negative=sum(value for value in values if value < 0),
    )


def _judge_registry(verdict: Verdict, evidence: Evidence) -> None:
    announced = {
        message.serial
        for message, account in _messages(evidence)
        if message.kind is Kind.ANNOUNCEMENT and account.acknowledged[message.index]
    }
    nameless = [serial for serial in announced if not evidence.firmware.get(serial)]
    verdict.check("acknowledged announcements are not in the registry", nameless)


def _messages(evidence: Evidence) -> Iterator[tuple[Message, Account]]:
    for messages, account in zip(evidence.plans, evidence.accounts, strict=True):
        for message in messages.values():
            yield message, account
