"""What a request asks of readings, and which of its parameters go together."""

from datetime import datetime

from pydantic import Field

from gateway.formats import formats
from gateway.parameters import (
    Cursor,
    FieldPattern,
    InstantText,
    Query,
    Serial,
    instant_or_none,
)
from gateway.times import is_relative
from weir.errors import RequestError
from weir.model.limits import FIELD_COUNT_MAX, OBSERVED_AT_MIN
from weir.model.query import (
    POINTS,
    POINTS_MAX,
    SERIALS_MAX,
    SERIES_MAX,
    Days,
    Fill,
    Function,
    Resolution,
    check_range,
    check_resolution,
)
from weir.postgres.queries.asking import Asked
from weir.postgres.queries.lanes import LAST_INSTANT
from weir.postgres.queries.series import Series

READINGS_MAX = 10_000
READINGS = 1_000
#: The ends of a curve, and something between them.
POINTS_MIN = 3
#: The format that has pages; all others are downloads.
JSON = "json"
_FORMAT_LENGTH_MAX = 32


class SeriesQuery(Query):
    """Of which devices, and which of their fields."""

    serial: list[Serial] = Field(
        min_length=1, max_length=SERIALS_MAX, description="serials of devices"
    )
    field: list[FieldPattern] = Field(
        [],
        max_length=FIELD_COUNT_MAX,
        description="none: all fields; `*` stands for any characters",
        examples=[["temperature"], ["inverter/*"]],
    )


class ReadingsQuery(SeriesQuery):
    """Which readings, those with `since` <= observed_at < `until`, and in which resolution."""

    since: InstantText = None
    until: InstantText = None
    resolution: Resolution = Field(
        Resolution.RAW,
        description="readings, buckets of a width, or `auto`: the finest within `max_points`",
    )
    function: list[Function] = Field(
        [],
        max_length=len(Function),
        description="what to say of each bucket; none: avg, min and max, of counters rise and "
        "last, of texts count, first and last",
    )
    fill: Fill = Field(Fill.NONE, description="what stands for buckets without readings")
    time_zone: Days = Field(Days.UTC, description="whose midnight days of `1d` begin at")
    max_points: int | None = Field(
        None,
        ge=POINTS_MIN,
        le=POINTS_MAX,
        description=f"with `auto`: most buckets of a series ({POINTS} if not given); with `raw`: "
        "most readings, chosen so that a chart keeps its shape",
    )
    limit: int = Field(READINGS, ge=1, le=READINGS_MAX, description="most rows of the page")
    newest: bool = Field(
        default=False, description="the last `limit` rows of the window instead of the first"
    )
    cursor: Cursor = None
    quality: bool = Field(
        default=False,
        description="of downloads without buckets: a column with what devices have against their "
        "readings; JSON always says it",
    )
    format: str | None = Field(
        None,
        max_length=_FORMAT_LENGTH_MAX,
        description="instead of the header `Accept`; all but `json` are downloads without pages",
        json_schema_extra={"enum": [JSON, *formats()]},
    )

    def asked(self, now: datetime) -> Asked:
        """Read the range and what is asked of it.

        Raises:
            RequestError: parameters are wrong, or do not go together.
        """
        check_resolution(self.resolution, self.fill, self.time_zone)
        self._check_raw()
        if self.newest and self.cursor:
            raise RequestError("query.cursor: the newest readings have one page only")
        since = instant_or_none(self.since, now, "since")
        until = instant_or_none(self.until, now, "until")
        _check_given(since, until)
        return Asked(
            since=since,
            until=until,
            is_since_loose=self.since is not None and is_relative(self.since),
            is_until_loose=self.until is not None and is_relative(self.until),
            resolution=self.resolution,
            functions=tuple(dict.fromkeys(self.function)),
            fill=self.fill,
            days=self.time_zone,
            max_points=self.max_points,
        )

    def _check_raw(self) -> None:
        if self.resolution is Resolution.RAW and self.function:
            raise RequestError("query.function: goes with buckets; ask for a resolution, or `auto`")
        if self.max_points is None:
            return
        if self.resolution not in {Resolution.RAW, Resolution.AUTO}:
            raise RequestError("query.max_points: goes with resolution=auto or raw")
        if self.resolution is Resolution.RAW and (self.newest or self.cursor):
            raise RequestError("query.max_points: goes with neither newest nor cursor")


def _check_given(since: datetime | None, until: datetime | None) -> None:
    if until is not None:
        check_range(since or OBSERVED_AT_MIN, until)
    elif since is not None:
        # An open end is not checked: whatever the start, it may have readings one day.
        check_range(min(since, OBSERVED_AT_MIN), OBSERVED_AT_MIN.replace(year=2099))


def check_series_count(series: list[Series]) -> None:
    """Let a question pass that does not concern too many series.

    Raises:
        RequestError: it names how many there are, and how many may be.
    """
    if len(series) > SERIES_MAX:
        raise RequestError(
            f"query.field: the devices have {len(series)} such fields, at most {SERIES_MAX} are "
            "answered at once: name those that matter, or fewer devices"
        )


def raw_window(asked: Asked, series: list[Series]) -> tuple[datetime, datetime]:
    """Give the window of a question for readings themselves.

    Raises:
        RequestError: all that is asked for was dropped; it says what is kept.
    """
    since, until = asked.since or OBSERVED_AT_MIN, asked.until or LAST_INSTANT
    dropped = [each for each in series if until <= each.kept.raw_from]
    if series and len(dropped) == len(series):
        kept = dropped[0].kept.describe()
        raise RequestError(
            f"query.resolution: there are no raw readings left in this range; kept are {kept}"
        )
    return since, until
