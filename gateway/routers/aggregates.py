"""The rollups: how far they have come, and whether they are what the readings say."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import BaseModel, Field

from gateway import cursors
from gateway.access import requires
from gateway.context import Context, InContext
from gateway.parameters import Cursor, FieldName, InstantText, Query, Serial, instant_or
from gateway.permissions import Permission
from gateway.times import Instant, format_instant
from gateway.windows import SERIALS_MAX, check_window
from weir.model.limits import OBSERVED_AT_MIN
from weir.postgres.queries.device_ids import find_device_ids
from weir.postgres.queries.lanes import LAST_INSTANT
from weir.postgres.queries.rollup_check import Difference, LevelCount
from weir.postgres.queries.rollup_progress import RollupProgress, show_progress
from weir.postgres.queries.rollup_verification import Place, WantedBuckets, verify_rollups
from weir.postgres.rollup_statements import Level

router = APIRouter(
    prefix="/v1/aggregates",
    tags=["aggregates"],
    dependencies=[requires(Permission.AGGREGATES_READ)],
)


class RollupsQuery(Query):
    """Rollups of which devices, and of which of their fields."""

    serial: list[Serial] = Field([], max_length=SERIALS_MAX, description="none: all devices")
    field: FieldName | None = Field(None, description="none: all fields")


class VerificationQuery(RollupsQuery):
    """Which buckets to verify: those that end after `since`, and not after `until`."""

    since: InstantText = None
    until: InstantText = None
    cursor: Cursor = None


class StreamStanding(BaseModel):
    """How far a stream was written, and rolled up: everything before these offsets."""

    stream: str
    written_offset: int
    rolled_offset: int


class Standing(BaseModel):
    """How far the rollups have come."""

    rolled_until: Instant | None = Field(
        description="what the broker took before is rolled up; null: nothing is yet"
    )
    settled_until: Instant | None = Field(
        description="buckets that end until then are complete, save for what comes late"
    )
    streams: list[StreamStanding]


class LevelStanding(BaseModel):
    """What became of the buckets of one level."""

    level: Level
    checked_count: int
    unverifiable_count: int = Field(description="what they were computed from is gone")
    waiting_count: int = Field(description="they are to be computed again, see `rebuilds`")


class BucketDifference(BaseModel):
    """A column that is not what it must be; of a bucket that only one side has, its count."""

    level: Level
    serial: str
    field: str
    bucket: Instant = Field(description="its start")
    column: str
    stored: float | str | None
    expected: float | str | None


class VerificationPage(Standing):
    """What a second of verifying has found."""

    levels: list[LevelStanding]
    differences: list[BucketDifference]
    done_share: float = Field(description="from 0 to 1: how much is done, roughly")
    next_cursor: str | None = Field(description="null: nothing is left")


@router.get("/progress")
async def get_progress(context: InContext) -> Standing:
    """Tell how far the rollups have come."""
    return Standing(**_standing(await show_progress(context.pool)))


@router.get("/verification")
async def get_verification(
    query: Annotated[VerificationQuery, InQuery()], context: InContext
) -> VerificationPage:
    """Recompute rollups from the readings and compare every column, for about a second.

    Go on with `cursor`. A reading that came late may be stored and not be rolled up yet: a
    difference is one only if it is found again when every `rolled_offset` has passed the
    `written_offset` of the answer that had it.
    """
    wanted, place = await _asked(query, context)
    found = await verify_rollups(context.pool, wanted, place)
    return VerificationPage(
        **_standing(found.progress),
        levels=[_level(level, count) for level, count in found.counts.items()],
        differences=[_difference(each) for each in found.differences],
        done_share=found.done_share,
        next_cursor=found.place
        and cursors.encode_verification(wanted.since, wanted.until, found.place),
    )


async def _asked(query: VerificationQuery, context: Context) -> tuple[WantedBuckets, Place | None]:
    devices = await find_device_ids(context.pool, query.serial) if query.serial else {}
    place = None
    if query.cursor:
        since, until, place = cursors.decode_verification(query.cursor)
    else:
        now = context.now()
        since = instant_or(OBSERVED_AT_MIN, query.since, now, "since")
        until = instant_or(LAST_INSTANT, query.until, now, "until")
        check_window(since, until)
    return WantedBuckets(list(devices.values()), query.field, since, until), place


def _standing(progress: RollupProgress) -> Mapping[str, object]:
    return {
        "rolled_until": progress.rolled_until,
        "settled_until": progress.settled_until,
        "streams": [
            StreamStanding(
                stream=each.stream,
                written_offset=each.written_offset,
                rolled_offset=each.rolled_offset,
            )
            for each in progress.streams
        ],
    }


def _level(level: Level, count: LevelCount) -> LevelStanding:
    return LevelStanding(
        level=level,
        checked_count=count.checked,
        unverifiable_count=count.unverifiable,
        waiting_count=count.waiting,
    )


def _difference(difference: Difference) -> BucketDifference:
    return BucketDifference(
        level=difference.level,
        serial=difference.serial,
        field=difference.field,
        bucket=difference.bucket,
        column=difference.column,
        stored=_value(difference.stored),
        expected=_value(difference.expected),
    )


def _value(value: float | datetime | str | None) -> float | str | None:
    """Write instants as elsewhere; JSON has no infinity."""
    match value:
        case datetime():
            return format_instant(value)
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value
