"""Readings and buckets as JSON."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.times import Instant
from weir.clock import from_us
from weir.model.query import BucketQuestion, Days, Function, Resolution
from weir.postgres.queries import readings as stored
from weir.postgres.queries.series import Series
from weir.timeseries.composing import Buckets


class Reading(BaseModel):
    """One measured value."""

    serial: str
    field: str
    observed_at: Instant
    value: float | str
    unit: str
    quality: Literal["uncertain", "bad"] | None = Field(
        None, description="what the device has against it; absent: nothing"
    )


class ReadingPage(BaseModel):
    """Readings, ascending by time."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "resolution": "raw",
                "kept_from": None,
                "readings": [
                    {
                        "serial": "crane-7",
                        "field": "temperature",
                        "observed_at": "2026-03-14T15:09:26.535897Z",
                        "value": 21.5,
                        "unit": "Cel",
                    }
                ],
                "next_cursor": None,
            }
        }
    )

    resolution: Literal["raw"]
    kept_from: Instant | None = Field(
        description="set when the window begins before it: what is older was dropped of some series"
    )
    readings: list[Reading]
    next_cursor: str | None = Field(description="null: this was the last page")


class TailPage(BaseModel):
    """Readings that have come in, in each field ascending by time."""

    readings: list[Reading]
    cursor: str = Field(description="for the next call")


class Bucket(BaseModel):
    """What a bucket says of its readings: the functions that were asked for, null where none."""

    serial: str
    field: str
    unit: str
    bucket: Instant = Field(description="its start")
    avg: float | None = None
    min: float | None = None
    max: float | None = None
    sum: float | None = None
    count: int = 0
    first: float | str | None = None
    last: float | str | None = None
    rise: float | None = Field(None, description="how much a counter rose, its resets considered")
    stddev: float | None = Field(None, description="of a sample; null for a single reading")


class BucketPage(BaseModel):
    """Buckets by start, then series; only readings in [since, until) count, edges included."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "resolution": "1h",
                "time_zone": "UTC",
                "since": "2026-03-14T15:09:26.000000Z",
                "until": "2026-03-14T18:00:00.000000Z",
                "functions": ["avg", "max"],
                "buckets": [
                    {
                        "serial": "crane-7",
                        "field": "temperature",
                        "unit": "Cel",
                        "bucket": "2026-03-14T15:00:00.000000Z",
                        "avg": 21.25,
                        "max": 21.5,
                    }
                ],
                "next_cursor": None,
            }
        }
    )

    resolution: Resolution
    time_zone: Days
    since: Instant
    until: Instant
    functions: list[Function]
    buckets: list[Bucket]
    next_cursor: str | None = Field(description="null: this was the last page")


def name_readings(readings: Iterable[stored.Reading], series: Iterable[Series]) -> list[Reading]:
    """Say of which series each reading is."""
    names = {each.series_id: each for each in series}
    return [
        Reading.model_construct(
            serial=names[reading.lane.series_id].serial,
            field=names[reading.lane.series_id].field,
            observed_at=reading.observed_at,
            value=reading.value,
            unit=names[reading.lane.series_id].unit,
            **_doubt(reading),
        )
        for reading in readings
    ]


def _doubt(reading: stored.Reading) -> dict[str, Any]:
    return {} if reading.quality is None else {"quality": reading.quality.word}


def bucket_page(
    buckets: Buckets, series: Sequence[Series], question: BucketQuestion, next_cursor: str | None
) -> BucketPage:
    """Make a page of buckets."""
    return BucketPage.model_construct(
        resolution=question.resolution,
        time_zone=question.days,
        since=question.since,
        until=question.until,
        functions=list(question.functions),
        buckets=_name_buckets(buckets, series),
        next_cursor=next_cursor,
    )


def _name_buckets(buckets: Buckets, series: Iterable[Series]) -> list[Bucket]:
    names = {each.series_id: each for each in series}
    functions = [str(function) for function in buckets.columns]
    columns = [map(_finite, column.tolist()) for column in buckets.columns.values()]
    return [
        Bucket.model_construct(
            serial=names[series_id].serial,
            field=names[series_id].field,
            unit=names[series_id].unit,
            bucket=from_us(start_us),
            **dict(zip(functions, values, strict=True)),
        )
        for series_id, start_us, *values in zip(
            buckets.series_ids.tolist(), buckets.starts_us.tolist(), *columns, strict=True
        )
    ]


def _finite(value: Any) -> Any:
    # JSON has no words for what is not finite: nothing there, or a sum beyond what a double holds.
    return None if isinstance(value, float) and not isfinite(value) else value
