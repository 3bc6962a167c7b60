"""How often somebody may ask: token buckets, as many as fit into a bounded memory.

Each gateway counts for itself: with three of them, three times as much passes. That is enough to
keep one client from taking everything, and nothing to ask a database for at each request.
"""

from collections import OrderedDict
from dataclasses import dataclass

from weir.errors import TooManyRequestsError

#: Buckets that are kept: about 200 bytes each. Beyond it the one that was used longest ago is
#: forgotten, which is then most likely full again.
BUCKETS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second in the long run."""

    burst: int
    per_s: float


def request_rate(requests_per_s: int) -> Rate:
    """Give the rate for one credential: a page of a dashboard asks for much at once, then rests."""
    return Rate(burst=5 * requests_per_s, per_s=requests_per_s)


#: Unless the settings say otherwise.
REQUEST_RATE = request_rate(200)


class Buckets:
    """Buckets of one rate, by whom they are for; each is full when it is first used."""

    def __init__(self, rate: Rate, *, count_max: int = BUCKETS_MAX) -> None:
        self._rate = rate
        self._count_max = count_max
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: str, now_s: float, what: str) -> None:
        """Take one; `what` says what was asked too often when there is none.

        Raises:
            TooManyRequestsError: the bucket is empty.
        """
        level = self._level(key, now_s)
        if level < 1:
            raise TooManyRequestsError(
                f"too many {what}: wait a moment", retry_after_s=(1 - level) / self._rate.per_s
            )
        self._keep(key, level - 1, now_s)

    def give_back(self, key: str, now_s: float) -> None:
        """Put one back that should not have counted."""
        self._keep(key, min(self._level(key, now_s) + 1, self._rate.burst), now_s)

    def _keep(self, key: str, level: float, now_s: float) -> None:
        self._levels[key] = (level, now_s)
        self._levels.move_to_end(key)
        if len(self._levels) > self._count_max:
            self._levels.popitem(last=False)

    def _level(self, key: str, now_s: float) -> float:
        level, at_s = self._levels.get(key, (float(self._rate.burst), now_s))
        # A clock that was put back refills nothing.
        return min(level + max(now_s - at_s, 0.0) * self._rate.per_s, self._rate.burst)
