"""How long to wait before trying again. Pure: randomness is a parameter."""

import random

BACKOFF_BASE_S = 0.25
#: Whatever comes back is found within this time; a broker restarts in about as long.
BACKOFF_MAX_S = 5.0
#: Each wait is shortened by up to this share, so that services do not return in step.
JITTER = 0.25


class Backoff:
    """Doubling waits, from `BACKOFF_BASE_S` to `BACKOFF_MAX_S` seconds."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failure_count = 0

    def next_s(self) -> float:
        """Give the next wait in seconds; each call counts as one more failure."""
        delay_s = min(BACKOFF_BASE_S * 2.0**self._failure_count, BACKOFF_MAX_S)
        # Past the longest wait there is nothing to count, and 2.0**1024 would overflow.
        if delay_s < BACKOFF_MAX_S:
            self._failure_count += 1
        return delay_s * (1.0 - JITTER * self._rng.random())

    def reset(self) -> None:
        """Start from the shortest wait again: it worked."""
        self._failure_count = 0
