"""Buckets as columns, the way that statements take them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from weir.clock import from_us

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

#: (series_id, start of a bucket in microseconds since 1970-01-01 UTC).
BucketKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Series, start and end of each bucket, in the order of the key."""

    series_ids: Sequence[int]
    starts: Sequence[datetime]
    ends: Sequence[datetime]

    def __len__(self) -> int:
        return len(self.series_ids)

    @property
    def arguments(self) -> tuple[Sequence[int], Sequence[datetime], Sequence[datetime]]:
        """The three columns, as parameters of a statement."""
        return self.series_ids, self.starts, self.ends

    def only(self, wanted: Iterable[bool]) -> "Buckets":
        """Give the buckets that `wanted` says yes to, which has one answer for each."""
        rows = [
            row
            for row, is_wanted in zip(zip(*self.arguments, strict=True), wanted, strict=True)
            if is_wanted
        ]
        if not rows:
            return Buckets((), (), ())
        series_ids, starts, ends = zip(*rows, strict=True)
        return Buckets(series_ids, starts, ends)


def buckets_of(keys: Iterable[BucketKey], width_us: int) -> Buckets:
    """Give the buckets of one width that hold the instants of `keys`, each once."""
    found = sorted({(series_id, start_us - start_us % width_us) for series_id, start_us in keys})
    return Buckets(
        [series_id for series_id, _ in found],
        [from_us(start_us) for _, start_us in found],
        [from_us(start_us + width_us) for _, start_us in found],
    )
