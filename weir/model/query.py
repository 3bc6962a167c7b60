"""What can be asked of readings: in which resolution, by which functions, with which gaps filled.

Pure, and without numpy: `iotctl` and the gateway offer the same choices from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from weir.errors import RequestError
from weir.model.announcement import Kind
from weir.model.limits import OBSERVED_AT_MIN

SERIES_MAX = 1_000
SERIALS_MAX = 100
#: Points of one series that a chart may ask for.
POINTS_MAX = 100_000
#: What `auto` goes by when a question does not say.
POINTS = 1_000
#: Points of all series together where gaps are filled: they exist for having been asked for.
FILLED_POINTS_MAX = 1_000_000
RANGE_MAX = timedelta(days=36_525)

_MINUTES = {"m": 1, "h": 60, "d": 1_440}


class Resolution(StrEnum):
    """Readings as they are, or buckets of a width that divides a day."""

    RAW = "raw"
    AUTO = "auto"
    MINUTE = "1m"
    MINUTES_2 = "2m"
    MINUTES_5 = "5m"
    MINUTES_10 = "10m"
    MINUTES_15 = "15m"
    MINUTES_30 = "30m"
    HOUR = "1h"
    HOURS_2 = "2h"
    HOURS_3 = "3h"
    HOURS_4 = "4h"
    HOURS_6 = "6h"
    HOURS_8 = "8h"
    HOURS_12 = "12h"
    DAY = "1d"

    @property
    def width(self) -> timedelta:
        """The width of a bucket; only `raw` and `auto` have none."""
        return timedelta(minutes=int(self[:-1]) * _MINUTES[self[-1]])


#: What `auto` picks from, the finest first.
AUTO_RESOLUTIONS = (
    Resolution.MINUTE,
    Resolution.MINUTES_5,
    Resolution.MINUTES_15,
    Resolution.HOUR,
    Resolution.HOURS_6,
    Resolution.DAY,
)


class Function(StrEnum):
    """What a bucket says about its readings; `stddev` is that of a sample, `rise` of a counter."""

    AVG = "avg"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"
    RISE = "rise"
    STDDEV = "stddev"


FUNCTIONS = (Function.AVG, Function.MIN, Function.MAX)
TEXT_FUNCTIONS = frozenset({Function.COUNT, Function.FIRST, Function.LAST})
GAUGE_FUNCTIONS = frozenset(Function) - {Function.RISE}


class Fill(StrEnum):
    """What stands for a bucket without readings: nothing, null, or a value from beside it."""

    NONE = "none"
    NULL = "null"
    PREVIOUS = "previous"
    LINEAR = "linear"


class Days(StrEnum):
    """Whose midnight a day begins at: that of UTC, or that of the site of the device."""

    UTC = "UTC"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class BucketQuestion:
    """Buckets of `resolution` over [since, until); neither `raw` nor `auto`."""

    since: datetime
    until: datetime
    resolution: Resolution
    functions: tuple[Function, ...]
    fill: Fill = Fill.NONE
    days: Days = Days.UTC


def check_range(since: datetime, until: datetime) -> None:
    """Let a range pass that can have readings.

    Raises:
        RequestError: it is empty, inverted, longer than a century, or before the first instant that
            any reading may have.
    """
    if since >= until:
        raise RequestError(f"query.until: {until:%Y-%m-%dT%H:%M:%SZ} is not after query.since")
    if since < OBSERVED_AT_MIN:
        raise RequestError(f"query.since: no reading is older than {OBSERVED_AT_MIN:%Y-%m-%d}")
    if until - since > RANGE_MAX:
        raise RequestError("query.since, query.until: at most 100 years at once")


def check_resolution(resolution: Resolution, fill: Fill, days: Days) -> None:
    """Let what goes with buckets only pass with buckets, and site days with days.

    Raises:
        RequestError: it says what goes with what.
    """
    if resolution is Resolution.RAW and fill is not Fill.NONE:
        raise RequestError("query.fill: raw readings have no gaps to fill; ask for a resolution")
    if days is Days.SITE and resolution is not Resolution.DAY:
        raise RequestError("query.time_zone: `site` goes with resolution=1d only")


def which_refused(functions: Sequence[Function], kind: Kind, *, is_text: bool) -> list[Function]:
    """Give the functions that a series of this kind does not have."""
    allowed = allowed_functions(kind, is_text=is_text)
    return [function for function in functions if function not in allowed]


def allowed_functions(kind: Kind, *, is_text: bool) -> frozenset[Function]:
    """Give what may be asked of a series: texts do not add up, and gauges do not rise."""
    if is_text:
        return TEXT_FUNCTIONS
    return GAUGE_FUNCTIONS if kind is Kind.GAUGE else frozenset(Function)
