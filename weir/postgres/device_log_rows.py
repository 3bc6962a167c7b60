"""Turn log lines into rows: where each stands in time, and what makes it itself."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from weir.clock import from_us
from weir.codec.device_log import LEVEL_NUMBERS
from weir.model.device_log import LogBatch, LogEntry
from weir.model.limits import FUTURE_US_MAX

DIGEST_BYTES = 16
_MICROSECOND = timedelta(microseconds=1)


class LogRow(NamedTuple):
    """A row of `device_log`; its position comes from the database."""

    device_id: int
    placed_at: datetime
    digest: bytes
    level: int
    message: str
    attributes: str
    logged_at: datetime | None
    received_at: datetime


def rows_of(
    batches: Sequence[LogBatch], device_ids: Mapping[str, int], kept_for: timedelta
) -> Iterator[LogRow]:
    """Give a row for each line, in their order.

    A line whose device knows the time is told apart from others by what it says: one that is
    published again is the same. One without a time is told apart by where it is in the stream.
    """
    kept_us = kept_for // _MICROSECOND
    for batch in batches:
        received_at = from_us(batch.received_at_us)
        seen: Counter[tuple[str, ...]] = Counter()
        for index, entry in enumerate(batch.entries):
            attributes = json.dumps(entry.attributes, ensure_ascii=False, sort_keys=True)
            logged_at = _instant(entry.logged_at_us)
            is_plausible = -kept_us <= entry.logged_at_us - batch.received_at_us <= FUTURE_US_MAX
            if logged_at is not None and is_plausible:
                identity = (str(entry.logged_at_us), *_words(entry, attributes))
                # Of equal lines in one batch each is one.
                seen[identity] += 1
                identity = (str(batch.boot_id), str(seen[identity]), *identity)
                placed_at = logged_at
            else:
                identity = (str(batch.offset), str(index), *_words(entry, attributes))
                placed_at = received_at
            yield LogRow(
                device_ids[batch.serial],
                placed_at,
                digest(identity),
                LEVEL_NUMBERS[entry.level],
                entry.message,
                attributes,
                logged_at,
                received_at,
            )


def digest(identity: Sequence[str]) -> bytes:
    """Tell one identity apart from every other; no text has U+0000 in it."""
    return blake2b("\0".join(identity).encode(), digest_size=DIGEST_BYTES).digest()


def _words(entry: LogEntry, attributes: str) -> tuple[str, ...]:
    return (entry.level.value, entry.message, attributes)


def _instant(instant_us: int) -> datetime | None:
    if instant_us <= 0:
        return None
    try:
        return from_us(instant_us)
    except OverflowError:
        return None
