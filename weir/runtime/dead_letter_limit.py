"""Stop a consumer that rejects nearly everything, before a bad release sets a whole day aside.

One device that sends rubbish, however much of it, stops nobody: what counts is also the share of
routing keys (devices and what they send) of which nothing is accepted any more. Pure.
"""

from collections import Counter

from weir.errors import HELD_BACK_REASONS, TooManyDeadLettersError
from weir.ports import DeadLetter

#: Messages after which the shares are looked at, and counted anew.
WINDOW_MESSAGE_COUNT = 1_000


class DeadLetterLimit:
    """Counts what one worker accepts and rejects; `share_max` of 1 never stops it."""

    def __init__(self, consumer: str, share_max: float) -> None:
        self._consumer = consumer
        self._share_max = share_max
        self._message_count = 0
        self._reasons: Counter[str] = Counter()
        self._accepted: set[str] = set()
        self._rejected: set[str] = set()

    def accept(self, *routing_keys: str) -> None:
        """Count messages that were stored."""
        self._message_count += len(routing_keys)
        self._accepted.update(routing_keys)

    def reject(self, letter: DeadLetter) -> None:
        """Count a message that was rejected; one whose device is not let in is not."""
        if letter.reason not in HELD_BACK_REASONS:
            self._message_count += 1
            self._reasons[letter.reason] += 1
            self._rejected.add(letter.routing_key)

    def check(self) -> None:
        """Return when too little is rejected, or too few messages have been seen.

        Raises:
            TooManyDeadLettersError: what it says, says how to go on.
        """
        if self._message_count < WINDOW_MESSAGE_COUNT:
            return
        letter_count = self._reasons.total()
        silent = self._rejected - self._accepted
        senders = self._rejected | self._accepted
        if letter_count > self._share_max * self._message_count and len(
            silent
        ) > self._share_max * len(senders):
            reason, _ = self._reasons.most_common(1)[0]
            raise TooManyDeadLettersError(
                f"{self._consumer} stopped: it rejected {letter_count} of the last "
                f"{self._message_count} messages, mostly as {reason}, and everything of "
                f"{len(silent)} of {len(senders)} senders. All of it is kept: see "
                "`iotctl dead list`. Mend the cause and start it again; it goes on where it "
                "stopped. WEIR_DEAD_LETTER_SHARE_MAX=1 lets it go on as it is."
            )
        self._message_count = 0
        self._reasons.clear()
        self._accepted.clear()
        self._rejected.clear()
