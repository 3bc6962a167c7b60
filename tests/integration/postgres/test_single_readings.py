"""Single readings as columns come to the same as a batch for each."""

import random
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import numpy as np
import pytest

from weir.codec.measurement import FieldColumn, MeasurementBatch
from weir.codec.single_readings import SingleReadings
from weir.codec.telemetry import Storable
from weir.errors import NotApprovedError, RefusedItemsError, RejectedByStoreError
from weir.model.deletion import Deletion
from weir.ports import AppendReport, Checkpoint
from weir.postgres.readings import PostgresReadingStore

pytestmark = pytest.mark.postgres

NOW_US = 1_790_000_000_000_000
SECOND_US = 1_000_000
#: (serial, field, seconds after `NOW_US`, value, quality on the wire).
Single = tuple[str, str, int, float, int]


def together(singles: Sequence[Single]) -> SingleReadings:
    return SingleReadings(
        [(serial, field) for serial, field, *_ in singles],
        ["bar" for _ in singles],
        np.array([quality for *_, quality in singles], dtype=np.int32),
        np.full(len(singles), NOW_US),
        np.array([NOW_US + second * SECOND_US for _, _, second, *_ in singles]),
        np.array([value for _, _, _, value, _ in singles]),
    )


def batch(
    serial: str, field: str, seconds: Sequence[int], value: float, quality: int = 0
) -> Storable:
    times = [NOW_US + second * SECOND_US for second in seconds]
    column = FieldColumn(field, "bar", quality, times, [value] * len(times), ())
    return MeasurementBatch(serial, NOW_US, 1, 1, 0, False, [column], len(times))  # noqa: FBT003


def one_by_one(singles: Sequence[Single]) -> list[Storable]:
    return [
        batch(serial, field, [at], value, quality) for serial, field, at, value, quality in singles
    ]


class Store:
    """A store, and where its stream is."""

    def __init__(self, pool: asyncpg.Pool, stream: str, *, needs_approval: bool = False) -> None:
        self._store = PostgresReadingStore(pool, needs_approval=needs_approval)
        self._stream = stream
        self._offset = 0

    async def append(self, batches: Sequence[Storable]) -> AppendReport:
        start = Checkpoint("measurements", self._stream, self._offset)
        report = await self._store.append(start, self._offset + 1, batches, [])
        self._offset += 1
        return report


async def stored(pool: asyncpg.Pool, prefix: str) -> list[tuple[object, ...]]:
    rows = await pool.fetch(
        "SELECT substr(serial, 3), field, unit, observed_at, value, reading.quality,"
        " last_seen_at, last_observed_at FROM reading JOIN series USING (series_id)"
        " JOIN device USING (device_id) JOIN device_activity USING (device_id)"
        " WHERE serial LIKE $1 ORDER BY serial, field, observed_at",
        f"{prefix}-%",
    )
    return [tuple(row) for row in rows]


async def test_the_same_is_stored_and_counted(pool: asyncpg.Pool) -> None:
    rng = random.Random(5)
    joined, alone = Store(pool, "joined"), Store(pool, "alone")
    for number in range(40):
        singles = [
            (
                f"d{rng.randrange(3)}",
                f"f{rng.randrange(2)}",
                number + rng.randrange(4),
                rng.randrange(2) / 2,
                rng.choice([0, 0, 1, 3, 40_000]),
            )
            for _ in range(rng.randrange(1, 12))
        ]
        other_value = rng.randrange(2) / 2
        seconds = [1_000 + number, 1_001 + number]
        reports = []
        for store, prefix in ((joined, "j"), (alone, "a")):
            named = [(f"{prefix}-{one[0]}", *one[1:]) for one in singles]
            others = [batch(f"{prefix}-d0", "f0", seconds, other_value)] if number % 2 else []
            given = [together(named)] if store is joined else one_by_one(named)
            reports.append(await store.append([*given, *others]))
        assert reports[0] == reports[1]
        assert await stored(pool, "j") == await stored(pool, "a")


async def test_where_it_matters_which_came_first_it_is_refused(pool: asyncpg.Pool) -> None:
    store = Store(pool, "s")
    single = [("j-d0", "f0", 0, 1.0, 0)]
    with pytest.raises(RejectedByStoreError, match="which came first"):
        await store.append([together(single), batch("j-d0", "f0", [0, 1], 2.0)])
    deletion = Deletion("j-d0", NOW_US, UUID(int=7))
    with pytest.raises(RejectedByStoreError, match="a deletion among readings"):
        await store.append([deletion, together(single)])
    assert not await stored(pool, "j")
    assert AppendReport(stored_count=1) == await store.append([together(single)])


async def test_one_device_that_is_not_let_in_refuses_them(pool: asyncpg.Pool) -> None:
    store = Store(pool, "s", needs_approval=True)
    with pytest.raises(RefusedItemsError) as caught:
        await store.append([together([("j-d0", "f0", 0, 1.0, 0)])])
    assert ["j-d0"] == list(caught.value.serials)
    assert {NotApprovedError} == {type(error) for error in caught.value.errors.values()}
    assert not await stored(pool, "j")
