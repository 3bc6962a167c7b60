"""Which devices a question is about: ids by serial, and which of them are let in."""

from collections.abc import Mapping, Sequence

import asyncpg

from weir.errors import NotFoundError
from weir.model.device_state import DeviceState
from weir.model.serial import is_serial
from weir.postgres.queries._read import fetch

#: Serials named in the message about those that do not exist.
_SERIALS_NAMED_MAX = 10

_FIND = "SELECT serial, device_id FROM device WHERE serial = ANY($1::text[])"
_STATES = """
    SELECT serial, CASE WHEN is_deleted THEN 'deleted' ELSE state END AS state
    FROM device WHERE serial = ANY($1::text[])
    """


async def find_device_ids(pool: asyncpg.Pool, serials: Sequence[str]) -> dict[str, int]:
    """Find devices by their serials, all or none.

    Raises:
        NotFoundError: no device has one of the serials; the message names them.
        StoreUnavailableError: try again later.
    """
    # What cannot be a serial need not be asked for, and may hold what PostgreSQL refuses.
    rows = await fetch(pool, _FIND, [serial for serial in serials if is_serial(serial)])
    found = {row["serial"]: row["device_id"] for row in rows}
    unknown = [serial for serial in dict.fromkeys(serials) if serial not in found]
    if unknown:
        raise NotFoundError(_explain(unknown))
    return found


async def find_states(pool: asyncpg.Pool, serials: Sequence[str]) -> Mapping[str, DeviceState]:
    """Tell whether devices are let in; those that do not exist are left out.

    `serials`: each may be a serial.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(pool, _STATES, serials)
    return {row["serial"]: DeviceState(row["state"]) for row in rows}


def _explain(unknown: Sequence[str]) -> str:
    if len(unknown) == 1:
        return f"no device has the serial {unknown[0][:80]!r}"
    named = ", ".join(repr(serial[:80]) for serial in unknown[:_SERIALS_NAMED_MAX])
    more = ", ..." if len(unknown) > _SERIALS_NAMED_MAX else ""
    return f"no devices have the serials {named}{more}"
