"""Stop a consumer that rejects nearly everything, before a bad release sets a whole day aside.

Two limits: the share of a window of messages, and how many are rejected one after the other. One
device that sends rubbish, however much of it, stops nobody: what counts is also the share of
routing keys (devices and what they send) of which nothing is accepted any more, and while only a
few are heard, the others get their time. Pure.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from weir.errors import HELD_BACK_REASONS, TooManyDeadLettersError
from weir.ports import DeadLetter

#: Messages after which the shares are looked at, and counted anew.
WINDOW_MESSAGE_COUNT = 1_000
#: Of fewer senders nothing follows about the consumer, until the others had time to be heard.
SENDER_COUNT_MIN = 3
#: That time: ten minutes, twice what a slow sensor waits between two messages.
HEARING_TIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class DeadLetterBounds:
    """When it stops; `share_max` of 1 and `run_max` of 0 never do."""

    share_max: float = 1.0
    run_max: int = 0


NO_BOUNDS = DeadLetterBounds()


@dataclass(slots=True)
class _Run:
    """What has come since `started_at`; None: nothing has."""

    started_at: datetime | None = None
    message_count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)

    @property
    def sender_count(self) -> int:
        return len(self.rejected | self.accepted)

    def reject(self, letter: DeadLetter, now: datetime) -> None:
        self.begin(now)
        self.message_count += 1
        self.reasons[letter.reason] += 1
        self.rejected.add(letter.routing_key)

    def begin(self, now: datetime) -> None:
        if self.started_at is None:
            self.started_at = now

    def has_heard_enough(self, now: datetime) -> bool:
        """Whether what it says of the senders may be said of the consumer."""
        if self.sender_count >= SENDER_COUNT_MIN:
            return True
        return self.started_at is not None and now - self.started_at >= HEARING_TIME


class DeadLetterLimit:
    """Counts what one worker accepts and rejects, in the order of the messages."""

    def __init__(self, consumer: str, bounds: DeadLetterBounds) -> None:
        self._consumer = consumer
        self._bounds = bounds
        self._window = _Run()
        self._in_a_row = _Run()

    def accept(self, now: datetime, *routing_keys: str) -> None:
        """Count messages that were stored."""
        if not routing_keys:
            return
        self._window.begin(now)
        self._window.message_count += len(routing_keys)
        self._window.accepted.update(routing_keys)
        if self._in_a_row.message_count:
            self._in_a_row = _Run()

    def reject(self, now: datetime, letter: DeadLetter) -> None:
        """Count a message that was rejected; one whose device is not let in is not."""
        if letter.reason in HELD_BACK_REASONS:
            return
        self._window.reject(letter, now)
        self._in_a_row.reject(letter, now)

    def check(self, now: datetime) -> None:
        """Return when too little is rejected, or too few messages have been seen.

        Raises:
            TooManyDeadLettersError: what it says, says how to go on.
        """
        self._check_in_a_row(now)
        window = self._window
        if window.message_count < WINDOW_MESSAGE_COUNT:
            return
        letter_count = window.reasons.total()
        silent = window.rejected - window.accepted
        share_max = self._bounds.share_max
        if (
            letter_count > share_max * window.message_count
            and len(silent) > share_max * window.sender_count
        ):
            if not window.has_heard_enough(now):
                return
            raise self._stopped(
                f"{letter_count} of the last {window.message_count} messages, mostly as "
                f"{_reason(window)}, and everything of {len(silent)} of {window.sender_count} "
                "senders",
                "WEIR_DEAD_LETTER_SHARE_MAX=1",
            )
        self._window = _Run()

    def _check_in_a_row(self, now: datetime) -> None:
        run = self._in_a_row
        is_long = 0 < self._bounds.run_max <= run.message_count
        if is_long and run.has_heard_enough(now):
            raise self._stopped(
                f"the last {run.message_count} messages one after the other, mostly as "
                f"{_reason(run)}, of {run.sender_count} senders",
                "WEIR_DEAD_LETTER_RUN_MAX=0",
            )

    def _stopped(self, what: str, setting: str) -> TooManyDeadLettersError:
        return TooManyDeadLettersError(
            f"{self._consumer} stopped: it rejected {what}. All of it is kept: see "
            "`iotctl dead list`. Mend the cause and start it again; it goes on where it "
            f"stopped. {setting} lets it go on as it is."
        )


def _reason(run: _Run) -> str:
    ((reason, _),) = run.reasons.most_common(1)
    return reason
