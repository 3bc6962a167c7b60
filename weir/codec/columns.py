"""What the decoders of times and of values share: when numpy pays, and a fast check of a range."""

import numpy as np
from numpy.typing import NDArray

#: From this many values on, numpy is faster than a list.
NUMPY_COUNT_MIN = 64


def all_within(integers: NDArray[np.int64], lowest: int, highest: int) -> bool:
    """Whether all of `integers`, at least one, are in a range; also at the ends of 64 bits.

    Seen from `lowest` without a sign, what is below it is huge, so that one search does for both
    ends.
    """
    return int((integers - lowest).view(np.uint64).max()) <= highest - lowest
