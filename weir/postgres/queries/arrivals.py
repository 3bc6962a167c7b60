"""What a live stream must know of the database: how far it is, and what it follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from weir.errors import NotFoundError
from weir.model.device_state import DeviceState
from weir.postgres.queries._read import fetch
from weir.postgres.queries.device_ids import find_device_ids

#: The consumer whose checkpoint says what is stored.
_WRITER = "measurements"

_STORED = "SELECT stream, next_offset FROM stream_offset WHERE consumer = $1"
_FIND = """
    SELECT serial, state, field, unit
    FROM device LEFT JOIN series USING (device_id) WHERE device_id = ANY($1::integer[])
    """


@dataclass(frozen=True, slots=True)
class Followed:
    """Devices of which something is followed.

    Attributes:
        units: by serial and field, of the fields that there are now.
        pending: serials of those that wait for approval: nothing of them is stored.
    """

    units: Mapping[tuple[str, str], str]
    pending: frozenset[str]


async def stored_offsets(pool: asyncpg.Pool) -> Mapping[str, int]:
    """Tell of each measurement stream up to which offset it is stored.

    Raises:
        StoreUnavailableError: try again later.
    """
    return {row["stream"]: row["next_offset"] for row in await fetch(pool, _STORED, _WRITER)}


async def find_followed(
    pool: asyncpg.Pool, serials: Sequence[str], fields: Sequence[str]
) -> Followed:
    """Find devices and their fields; `fields`: each must be one of some of the devices.

    Raises:
        NotFoundError: no such device, or a field that none of them has.
        StoreUnavailableError: try again later.
    """
    ids = await find_device_ids(pool, serials)
    rows = await fetch(pool, _FIND, list(ids.values()))
    units = {(row["serial"], row["field"]): row["unit"] for row in rows if row["field"]}
    known = {field for _, field in units}
    for field in fields:
        if field not in known:
            raise NotFoundError(f"none of these devices has a field {field[:200]!r}")
    pending = frozenset(row["serial"] for row in rows if row["state"] == DeviceState.PENDING)
    return Followed(units, pending)
