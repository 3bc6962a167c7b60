"""Which batches of a device never arrived: for each boot, the missing sequence numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.postgres.queries._read import fetch

#: Runs of missing numbers that are told of one boot, the latest; the count is of all.
RUNS_TOLD_MAX = 20


@dataclass(frozen=True, slots=True)
class BootGaps:
    """One boot of a device with batches missing; `missing`: first and last of each run, ascending.

    `recorded_at`: when the boot's sequence numbers were last noted.
    """

    boot_id: int
    missing_count: int
    missing: Sequence[tuple[int, int]]
    recorded_at: datetime


_FIND = """
    SELECT boot.boot_id, missing_count, recorded_at,
           ARRAY(SELECT ARRAY[lower(run), upper(run) - 1] FROM (
                     SELECT run FROM unnest(missing_sequences(received)) AS run
                     ORDER BY lower(run) DESC LIMIT $2
                 ) AS latest ORDER BY lower(run)) AS missing
    FROM device_sequence AS boot JOIN device USING (device_id)
    WHERE serial = $1 AND missing_count > 0 ORDER BY recorded_at DESC
    """


async def find_gaps(pool: asyncpg.Pool, serial: str) -> list[BootGaps]:
    """Give the boots of a device of which batches are missing, the latest first.

    Raises:
        StoreUnavailableError: try again later.
    """
    return [
        BootGaps(
            boot_id=row["boot_id"],
            missing_count=row["missing_count"],
            missing=[(first, last) for first, last in row["missing"]],
            recorded_at=row["recorded_at"],
        )
        for row in await fetch(pool, _FIND, serial, RUNS_TOLD_MAX)
    ]
