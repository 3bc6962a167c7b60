"""The curves of a chart: fetched in no more points than it can show, and cut where data is missing.

Pure, save `fetch_curves`.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from cli._client import Answer, Gateway, Parameters
from cli._output import print_note, printable
from weir.model.query import Resolution

PATH = "/v1/readings"
PAGE_SIZE = 10_000
#: Curves of one chart; more cannot be told apart.
CURVES_MAX = 8
#: What is drawn of a row: of a reading itself, of a bucket its average, of a counter where it ends.
_VALUES = ("value", "avg", "last")
#: A distance between points that is so many times the usual one is a gap.
_GAP_FACTOR = 5.0
#: Half an hour of a fast sensor is some hundred thousand readings.
_RAW_SPAN_MAX = timedelta(minutes=30)
#: With fewer points nothing is usual.
_USUAL_COUNT_MIN = 4


@dataclasses.dataclass(slots=True)
class Curve:
    """One series: `times_s` ascend, since 1970; `lows` and `highs` are those of buckets."""

    serial: str
    field: str
    unit: str
    times_s: list[float] = dataclasses.field(default_factory=list)
    values: list[float] = dataclasses.field(default_factory=list)
    lows: list[float] = dataclasses.field(default_factory=list)
    highs: list[float] = dataclasses.field(default_factory=list)

    @property
    def has_band(self) -> bool:
        """Whether each point says how far its bucket reaches."""
        return len(self.lows) == len(self.values) > 0

    @property
    def axis(self) -> str:
        """What the values are: `power [kW]`."""
        name = printable(self.field)
        return f"{name} [{printable(self.unit)}]" if self.unit else name

    def add(self, row: Answer) -> None:
        """Take a reading, or a bucket with what it says by itself: an average, or a counter's last.

        Texts, and buckets without readings, are passed over.
        """
        value = next((row[key] for key in _VALUES if row.get(key) is not None), None)
        if value is None or isinstance(value, str):
            return
        instant = datetime.fromisoformat(row.get("observed_at") or row["bucket"])
        self.times_s.append(instant.timestamp())
        self.values.append(float(value))
        if row.get("min") is not None and row.get("max") is not None:
            self.lows.append(float(row["min"]))
            self.highs.append(float(row["max"]))

    def runs(self) -> Iterator[range]:
        """Give the points between which a line may be drawn, as ranges of their places."""
        distances = [later - earlier for earlier, later in pairwise(self.times_s)]
        usual_s = median(distances) if len(distances) >= _USUAL_COUNT_MIN else float("inf")
        start = 0
        for place, distance in enumerate(distances, start=1):
            if distance > _GAP_FACTOR * usual_s:
                yield range(start, place)
                start = place
        yield range(start, len(self.times_s))


def fetch_curves(gateway: Gateway, wanted: Parameters, points_max: int) -> list[Curve]:
    """Ask for what a chart shows; each curve has `points_max` points at most. By serial and field.

    A short window is drawn by its readings, where minutes would hide how they move.

    Raises:
        WeirError: the gateway is away, or refuses.
    """
    page = gateway.get(PATH, {**wanted, **_in_buckets(points_max)})
    if page["resolution"] == Resolution.MINUTE and _span(page) <= _RAW_SPAN_MAX:
        shape: Parameters = {"resolution": Resolution.RAW.value, "max_points": points_max}
        return _drawable(_curves(gateway.get(PATH, {**wanted, **shape})["readings"]))
    rows = list(_rows(page))
    while page["next_cursor"]:
        more = {**wanted, **_in_buckets(points_max), "cursor": page["next_cursor"]}
        page = gateway.get(PATH, more)
        rows += _rows(page)
    return _drawable(_curves(rows))


def _in_buckets(points_max: int) -> Parameters:
    return {"resolution": Resolution.AUTO.value, "max_points": points_max, "limit": PAGE_SIZE}


def _span(page: Answer) -> timedelta:
    return datetime.fromisoformat(page["until"]) - datetime.fromisoformat(page["since"])


def _rows(page: Answer) -> list[Answer]:
    rows: list[Answer] = page["buckets"] if "buckets" in page else page["readings"]
    return rows


def _curves(rows: Iterable[Answer]) -> list[Curve]:
    curves: dict[tuple[str, str], Curve] = {}
    for row in rows:
        key = row["serial"], row["field"]
        if key not in curves:
            curves[key] = Curve(*key, row["unit"])
        curves[key].add(row)
    return [curves[key] for key in sorted(curves)]


def _drawable(curves: Sequence[Curve]) -> list[Curve]:
    drawable = [curve for curve in curves if curve.values]
    for curve in curves:
        if not curve.values:
            print_note(f"{printable(curve.field)} of {curve.serial} has texts: it is not drawn")
    if len(drawable) > CURVES_MAX:
        print_note(f"only the first {CURVES_MAX} of {len(drawable)} fields are drawn: name them")
    return drawable[:CURVES_MAX]
