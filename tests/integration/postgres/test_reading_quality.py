"""What a device has against its readings is stored with them, and goes the way of the value."""

import asyncpg
import pytest

from weir.codec.measurement import FieldColumn, MeasurementBatch
from weir.model.quality import Quality
from weir.ports import Checkpoint
from weir.postgres.readings import PostgresReadingStore

pytestmark = pytest.mark.postgres

NOW_US = 1_790_000_000_000_000
GOOD, UNCERTAIN, BAD = 1, 2, 3

Stored = dict[int, tuple[float | str, int | None]]


def batch(
    values: dict[int, float],
    quality: int,
    *,
    texts: dict[int, str] | None = None,
    is_correction: bool = False,
) -> MeasurementBatch:
    """Give a batch of readings by microseconds after `NOW_US`."""
    instants = [NOW_US + offset for offset in texts or values]
    said = list((texts or {}).values())
    numbers = [] if texts else list(values.values())
    column = FieldColumn("level", "m", quality, instants, numbers, said)
    return MeasurementBatch("tank-1", NOW_US, 1, 1, 0, is_correction, [column], len(instants))


class Writer:
    """Appends commits one after another."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._store = PostgresReadingStore(pool)
        self._pool = pool
        self._offset = 0

    async def append(self, *batches: MeasurementBatch) -> None:
        start = Checkpoint("measurements", "stream.0", self._offset)
        self._offset += 1
        await self._store.append(start, self._offset, batches, [])

    async def stored(self, table: str = "reading") -> Stored:
        rows = await self._pool.fetch(
            f"SELECT (extract(epoch FROM observed_at) * 1000000)::bigint - {NOW_US} AS at, value,"  # noqa: S608
            f" quality FROM {table}"
        )
        return {row["at"]: (row["value"], row["quality"]) for row in rows}


@pytest.fixture
def writer(pool: asyncpg.Pool) -> Writer:
    return Writer(pool)


async def test_doubts_are_kept_and_what_is_good_needs_no_word(writer: Writer) -> None:
    await writer.append(
        batch({0: 1.0, 1: 2.0}, UNCERTAIN), batch({2: 3.0}, 0), batch({3: 4.0}, BAD)
    )
    await writer.append(batch({4: 5.0}, GOOD))

    assert {
        0: (1.0, Quality.UNCERTAIN),
        1: (2.0, Quality.UNCERTAIN),
        2: (3.0, None),
        3: (4.0, Quality.BAD),
        4: (5.0, None),
    } == await writer.stored()


async def test_a_word_that_is_not_known_yet_is_a_doubt(writer: Writer) -> None:
    await writer.append(batch({0: 1.0}, 7))

    assert {0: (1.0, Quality.UNCERTAIN)} == await writer.stored()


async def test_a_repetition_changes_nothing_whatever_it_says(writer: Writer) -> None:
    await writer.append(batch({0: 1.0}, GOOD), batch({1: 1.0}, BAD))
    await writer.append(batch({0: 1.0, 1: 1.0, 2: 1.0}, UNCERTAIN))

    assert {
        0: (1.0, None),
        1: (1.0, Quality.BAD),
        2: (1.0, Quality.UNCERTAIN),
    } == await writer.stored()


async def test_a_correction_overwrites_value_and_quality(writer: Writer) -> None:
    await writer.append(batch({0: 1.0, 1: 2.0}, BAD), batch({2: 3.0}, GOOD))
    await writer.append(
        batch({0: 1.0, 1: 2.5}, GOOD, is_correction=True),
        batch({2: 3.0}, UNCERTAIN, is_correction=True),
    )

    assert {0: (1.0, None), 1: (2.5, None), 2: (3.0, Quality.UNCERTAIN)} == await writer.stored()


async def test_texts_have_one_too(writer: Writer) -> None:
    await writer.append(batch({}, BAD, texts={0: "overflow"}), batch({}, GOOD, texts={1: "dry"}))
    await writer.append(batch({}, GOOD, texts={0: "full"}, is_correction=True))

    assert {0: ("full", None), 1: ("dry", None)} == await writer.stored("text_reading")
