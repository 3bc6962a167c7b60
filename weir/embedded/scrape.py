"""Figures for the screen, read from the metrics that every service serves."""

import math
import urllib.request
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from weir.embedded.ports import LOOPBACK, accepts

TIMEOUT_S = 0.5
#: Over which a rate is averaged.
WINDOW_S = 5.0
#: Whichever a service has: what it stored, or what the broker acknowledged to it.
_READING_COUNTERS = ("weir_readings_stored_total", "weir_readings_published_total")
_LAG = "weir_lag_seconds"
_RUNNING = "weir_consumer_running"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one look at a service's metrics has shown; `None` where it has no such metric.

    `lags_s`: by consumer. `running`: the consumers that have found all that they need.
    """

    reading_count: float | None = None
    lags_s: Mapping[str, float] = field(default_factory=dict)
    running: frozenset[str] = frozenset()

    @property
    def lag_s(self) -> float | None:
        """The longest of its lags."""
        return max(self.lags_s.values(), default=None)


@dataclass(slots=True)
class Rate:
    """How fast a counter has risen in the last seconds."""

    _seen: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, now: float, total: float) -> None:
        """Note the counter's value; one that falls belongs to a new process."""
        if self._seen and total < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, total))
        while now - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()

    @property
    def per_s(self) -> float | None:
        """The rate; `None` before the counter was seen twice."""
        if not self._seen or self._seen[-1][0] == self._seen[0][0]:
            return None
        (first_at, first), (last_at, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_at - first_at)


def runs(port: int, consumers: Iterable[str]) -> bool:
    """Tell whether the process with this metrics port runs all of these consumers."""
    return accepts(port) and scrape(port).running.issuperset(consumers)


def scrape(port: int) -> Figures:
    """Read the figures of the service with this metrics port; empty when it does not answer."""
    try:
        with urllib.request.urlopen(
            f"http://{LOOPBACK}:{port}/metrics", timeout=TIMEOUT_S
        ) as response:
            return read_figures(response.read().decode())
    except (OSError, ValueError):
        return Figures()


def read_figures(text: str) -> Figures:
    """Read the figures out of Prometheus's text format.

    Raises:
        ValueError: it is not that format.
    """
    totals: dict[str, list[float]] = {}
    of_consumers: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if math.isfinite(sample.value):
                totals.setdefault(sample.name, []).append(sample.value)
                of_consumer = of_consumers.setdefault(sample.name, {})
                of_consumer[sample.labels.get("consumer", "")] = sample.value
    counters = [sum(totals[name]) for name in _READING_COUNTERS if name in totals]
    return Figures(
        reading_count=counters[0] if counters else None,
        lags_s=of_consumers.get(_LAG, {}),
        running=frozenset(name for name, value in of_consumers.get(_RUNNING, {}).items() if value),
    )
