"""Where buckets begin: evenly through a day of UTC, or at the midnights of some place."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Grid(Protocol):
    """An endless row of buckets, each from its start to the next one's."""

    def floor(self, at_us: int) -> int:
        """Give the start of the bucket that holds an instant."""
        ...

    def ceil(self, at_us: int) -> int:
        """Give the first start that is not before an instant."""
        ...

    def starts_of(self, at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the starts of the buckets that hold these instants."""
        ...

    def starts(self, since_us: int, until_us: int) -> NDArray[np.int64]:
        """Give the starts of all buckets that reach into [since, until)."""
        ...


@dataclass(frozen=True, slots=True)
class EvenGrid:
    """Buckets of one width, which divides a day."""

    width_us: int

    def floor(self, at_us: int) -> int:
        """Give the start of the bucket that holds an instant."""
        return at_us - at_us % self.width_us

    def ceil(self, at_us: int) -> int:
        """Give the first start that is not before an instant."""
        return at_us + -at_us % self.width_us

    def starts_of(self, at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the starts of the buckets that hold these instants."""
        return at_us - at_us % self.width_us

    def starts(self, since_us: int, until_us: int) -> NDArray[np.int64]:
        """Give the starts of all buckets that reach into [since, until)."""
        return np.arange(self.floor(since_us), until_us, self.width_us, dtype=np.int64)


class ListedGrid:
    """Buckets of different widths, by their starts; it must reach beyond what it is asked for."""

    def __init__(self, starts_us: Iterable[int]) -> None:
        self._starts = np.unique(np.fromiter(starts_us, dtype=np.int64))

    def floor(self, at_us: int) -> int:
        """Give the start of the bucket that holds an instant."""
        return int(self._starts[np.searchsorted(self._starts, at_us, side="right") - 1])

    def ceil(self, at_us: int) -> int:
        """Give the first start that is not before an instant."""
        return int(self._starts[np.searchsorted(self._starts, at_us)])

    def starts_of(self, at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the starts of the buckets that hold these instants."""
        return self._starts[np.searchsorted(self._starts, at_us, side="right") - 1]

    def starts(self, since_us: int, until_us: int) -> NDArray[np.int64]:
        """Give the starts of all buckets that reach into [since, until)."""
        first = np.searchsorted(self._starts, since_us, side="right") - 1
        return self._starts[first : np.searchsorted(self._starts, until_us)]

    def is_made_of(self, width_us: int) -> bool:
        """Whether even buckets of this width never reach over one of the starts."""
        return not np.any(self._starts % width_us)
