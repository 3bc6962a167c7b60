"""How often a worker commits: as seldom as it takes for commits to cost little.

Each commit has a fixed cost beside that of its messages. While commits are quick, the shortest pace
makes readings queryable at once; where they take much of the time, because there is much to store
or others need the processor too, each waits longer and stores more.
"""

import math
from collections.abc import Callable

#: Commits take at most this share of the time, as long as the pace stays below its bound: the rest
#: is for reading, and for whoever else is on the machine.
COMMIT_SHARE_MAX = 1 / 3
#: The longest pace; a person takes a tenth of a second for now.
PACE_MAX_S = 0.06
#: How much the last commit says about the next, however long it was held up.
_NEWS = 0.2
_TOOK_MAX_S = PACE_MAX_S * COMMIT_SHARE_MAX


class Pace:
    """Tells how long to rest before each commit.

    `shortest_s`: from the start of a commit to that of the next; 0: there is no pace at all.
    """

    def __init__(self, shortest_s: float, clock_s: Callable[[], float]) -> None:
        self._shortest_s = shortest_s
        self._clock_s = clock_s
        self._started_s = -math.inf
        self._usual_s = 0.0

    @property
    def rest_s(self) -> float:
        """Give how long the next commit should still wait for more; 0: not at all."""
        if not self._shortest_s:
            return 0.0
        wanted_s = max(self._shortest_s, self._usual_s / COMMIT_SHARE_MAX)
        return max(self._started_s + wanted_s - self._clock_s(), 0.0)

    def begin(self) -> None:
        """Note that a commit starts."""
        self._started_s = self._clock_s()

    def end(self) -> None:
        """Note that it has ended."""
        took_s = min(self._clock_s() - self._started_s, _TOOK_MAX_S)
        self._usual_s += _NEWS * (took_s - self._usual_s)
