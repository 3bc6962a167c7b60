"""How a question for buckets is answered: from which levels, on which grid, or why it is not."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from weir.clock import from_us, to_us
from weir.errors import RequestError
from weir.model.query import (
    FILLED_POINTS_MAX,
    BucketQuestion,
    Days,
    Fill,
    Function,
    allowed_functions,
    which_refused,
)
from weir.postgres.pool import Connection
from weir.postgres.queries.kept import Kept, find_tail, name_of
from weir.postgres.queries.parts import LOCAL_STRETCH_US
from weir.postgres.queries.segments import GRIDS, Segment, Step, even_ladder, split
from weir.postgres.queries.series import Series, which_are_texts
from weir.postgres.rollup_buckets import HOUR_US
from weir.postgres.rollup_statements import Level
from weir.timeseries.grid import EvenGrid, Grid, ListedGrid

_MICROSECOND = timedelta(microseconds=1)
_UTC = "UTC"
#: A day more on both sides: the bucket around an instant may begin before it, and ends after it.
_MIDNIGHTS = """
    SELECT day AT TIME ZONE $3 FROM generate_series(
        (($1::timestamptz AT TIME ZONE $3)::date - 1)::timestamp,
        (($2::timestamptz AT TIME ZONE $3)::date + 2)::timestamp, interval '1 day') AS day
    """
#: While the days of a series are computed again, those of another time zone are among them.
_PENDING = "SELECT DISTINCT series_id FROM rollup_request WHERE series_id = ANY($1::integer[])"


@dataclass(frozen=True, slots=True)
class Group:
    """Series that are read alike: the same grid, the same levels, the same of them kept."""

    series: Sequence[Series]
    grid: Grid
    ladder: Sequence[Step]
    stretch_us: int

    @property
    def ids(self) -> list[int]:
        """The ids of its series."""
        return [each.series_id for each in self.series]


@dataclass(frozen=True, slots=True)
class BucketPlan:
    """A question, the series that answer it, and from when on readings count and not rollups."""

    question: BucketQuestion
    groups: Sequence[Group]
    tail_us: int | None
    is_text: bool

    @property
    def series(self) -> list[Series]:
        """All series of the answer."""
        return [each for group in self.groups for each in group.series]

    @property
    def width_us(self) -> int:
        """The width of a bucket, were all days of one length."""
        return self.question.resolution.width // _MICROSECOND

    def segments(self, group: Group, since_us: int, until_us: int) -> list[Segment]:
        """Cut a stretch of the question into what each level answers for."""
        if self.is_text:
            return [Segment(None, since_us, until_us)]
        return split(since_us, until_us, self.tail_us, group.ladder)


async def plan_buckets(
    connection: Connection, series: Sequence[Series], question: BucketQuestion
) -> BucketPlan:
    """Decide how to answer.

    Raises:
        RequestError: a series does not have the function, or too many buckets are to be filled.
    """
    tail = await find_tail(connection)
    texts = await which_are_texts(connection, [each.series_id for each in series], tail)
    chosen = choose_series(series, question.functions, texts)
    is_text = bool(chosen) and chosen[0].series_id in texts
    groups = [group async for group in _groups(connection, chosen, question)]
    plan = BucketPlan(question, groups, to_us(tail) if tail else None, is_text)
    _check_filled(plan)
    return plan


def check_kept(plan: BucketPlan) -> None:
    """Let a plan pass when all that it reads is there.

    Raises:
        RequestError: it says what is kept.
    """
    if refusal := why_not_kept(plan):
        raise RequestError(refusal)


def choose_series(
    series: Sequence[Series], functions: Sequence[Function], texts: set[int]
) -> list[Series]:
    """Give the series that have these functions; those that were not named may lack some.

    Raises:
        RequestError: one that was named lacks a function, or all do, or texts and numbers were
            named together.
    """
    numbers = [each for each in series if each.series_id not in texts]
    words = [each for each in series if each.series_id in texts]
    if numbers and any(each.is_named for each in words):
        _refuse_functions(words, functions, texts)
        raise RequestError(
            f"query.field: {words[0].field} is a text and {numbers[0].field} is not: "
            "ask for buckets of them one at a time"
        )
    candidates = numbers or words
    _refuse_functions((each for each in candidates if each.is_named), functions, texts)
    chosen = [each for each in candidates if not _refused(each, functions, texts)]
    if not chosen:
        _refuse_functions(candidates, functions, texts)
    return chosen


def why_not_kept(plan: BucketPlan) -> str | None:
    """Say which part of the answer is not there any more; None: all of it is.

    Of texts what is dropped is gone: no level above could answer instead.
    """
    if plan.is_text:
        return None
    since_us, until_us = to_us(plan.question.since), to_us(plan.question.until)
    for group in plan.groups:
        kept = group.series[0].kept
        missing = kept.lacks(plan.segments(group, since_us, until_us))
        if missing:
            return _explain(group.series[0], missing, kept)
    return None


def _explain(series: Series, missing: Segment, kept: Kept) -> str:
    wanted = f"{from_us(missing.since_us):%Y-%m-%dT%H:%M:%SZ}"
    return (
        f"query.since, query.until, query.resolution: this takes {name_of(missing.level)} of "
        f"{series.field} of {series.serial} from {wanted} on, but kept are {kept.describe()}. "
        "Take a coarser resolution, or begin and end the range with whole buckets of what is kept"
    )


async def _groups(
    connection: Connection, series: Sequence[Series], question: BucketQuestion
) -> AsyncIterator[Group]:
    def alike(each: Series) -> tuple[str, Kept]:
        return (each.time_zone if question.days is Days.SITE else _UTC, each.kept)

    pending: set[int] = set()
    if question.days is Days.SITE:
        rows = await connection.fetch(_PENDING, [each.series_id for each in series])
        pending = {row["series_id"] for row in rows}
    ordered = sorted(series, key=lambda each: (repr(alike(each)), each.series_id in pending))
    for (zone, _, is_pending), members in groupby(
        ordered, key=lambda each: (*alike(each), each.series_id in pending)
    ):
        if zone == _UTC:
            width_us = question.resolution.width // _MICROSECOND
            yield Group(list(members), EvenGrid(width_us), even_ladder(width_us), width_us)
            continue
        grid = await _site_grid(connection, question.since, question.until, zone)
        yield Group(list(members), grid, _site_ladder(grid, is_pending), LOCAL_STRETCH_US)


def _site_ladder(grid: ListedGrid, is_pending: bool) -> list[Step]:
    minutes, hours = (Step(level, GRIDS[level]) for level in (Level.MINUTE, Level.HOUR))
    if not is_pending:
        return [Step(Level.SITE_DAY, grid), hours, minutes]
    # Where local midnight is between two hours of UTC, an hour would count on both sides of it.
    return [hours, minutes] if grid.is_made_of(HOUR_US) else [minutes]


async def _site_grid(
    connection: Connection, since: datetime, until: datetime, zone: str
) -> ListedGrid:
    rows = await connection.fetch(_MIDNIGHTS, since, until, zone)
    return ListedGrid(to_us(row[0]) for row in rows)


def _check_filled(plan: BucketPlan) -> None:
    question = plan.question
    if question.fill is Fill.NONE:
        return
    span_us = to_us(question.until) - to_us(question.since)
    point_count = (span_us // plan.width_us + 2) * len(plan.series)
    if point_count > FILLED_POINTS_MAX:
        raise RequestError(
            f"query.fill: this is {point_count} buckets, at most {FILLED_POINTS_MAX} are filled: "
            "take a coarser resolution, a shorter range or fewer series"
        )


def _refused(series: Series, functions: Sequence[Function], texts: set[int]) -> list[Function]:
    return which_refused(functions, series.kind, is_text=series.series_id in texts)


def _refuse_functions(
    series: Iterable[Series], functions: Sequence[Function], texts: set[int]
) -> None:
    for each in series:
        refused = _refused(each, functions, texts)
        if refused:
            is_text = each.series_id in texts
            allowed = sorted(allowed_functions(each.kind, is_text=is_text))
            raise RequestError(
                f"query.function: {each.field} of {each.serial} is a "
                f"{'text' if is_text else each.kind} and has no {', '.join(refused)}; "
                f"it has {', '.join(allowed)}"
            )
