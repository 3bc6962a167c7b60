"""Which level answers for which stretch of time, so that the edges of a range stay exact. Pure.

Whole buckets of the coarsest level are taken from its rollups; what is left on both sides from the
level below, down to the readings themselves. What the rollups may not have yet is read raw.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from weir.postgres.rollup_buckets import DAY_US, HOUR_US, MINUTE_US
from weir.postgres.rollup_statements import Level
from weir.timeseries.grid import EvenGrid, Grid

#: Of the levels whose buckets are the same everywhere.
GRIDS: Mapping[Level, Grid] = {
    Level.MINUTE: EvenGrid(MINUTE_US),
    Level.HOUR: EvenGrid(HOUR_US),
    Level.DAY: EvenGrid(DAY_US),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """[since, until), read from the rollups of `level`; None: from the readings."""

    level: Level | None
    since_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Step:
    """A level that may be used, and where its buckets begin."""

    level: Level
    grid: Grid


def even_ladder(width_us: int) -> list[Step]:
    """Give the levels of which buckets of this width are made, the coarsest first."""
    return [
        Step(level, GRIDS[level])
        for level, level_us in (
            (Level.DAY, DAY_US),
            (Level.HOUR, HOUR_US),
            (Level.MINUTE, MINUTE_US),
        )
        if width_us % level_us == 0
    ]


def split(
    since_us: int, until_us: int, tail_us: int | None, ladder: Sequence[Step]
) -> list[Segment]:
    """Cut [since, until) into segments, the coarsest that fit.

    `tail_us`: from when on rollups may miss something; None: they miss everything.
    """
    rolled_until_us = since_us if tail_us is None else max(min(until_us, tail_us), since_us)
    return [
        *_split(since_us, rolled_until_us, ladder),
        *_split(rolled_until_us, until_us, ()),
    ]


def _split(since_us: int, until_us: int, ladder: Sequence[Step]) -> Iterator[Segment]:
    if since_us >= until_us:
        return
    if not ladder:
        yield Segment(None, since_us, until_us)
        return
    step, *finer = ladder
    first, last = step.grid.ceil(since_us), step.grid.floor(until_us)
    if first > last:
        yield from _split(since_us, until_us, finer)
        return
    # Cut also where no whole bucket is between: a finer one may reach over a local midnight.
    yield from _split(since_us, first, finer)
    if first < last:
        yield Segment(step.level, first, last)
    yield from _split(last, until_us, finer)
