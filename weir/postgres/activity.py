"""Note when devices were last heard of, a bounded number of times for each."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from weir.clock import from_us
from weir.postgres.pool import Connection

#: A device that sends a hundred times a second is noted this often.
NOTED_EVERY_US = 5_000_000
#: Devices remembered; beyond it all are noted once more.
REMEMBERED_MAX = 200_000

_NOTE = """
    INSERT INTO device_activity (device_id, last_seen_at, last_observed_at)
    SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::timestamptz[])
    ON CONFLICT (device_id) DO UPDATE
    SET last_seen_at = greatest(device_activity.last_seen_at, excluded.last_seen_at),
        last_observed_at = greatest(device_activity.last_observed_at, excluded.last_observed_at)
    """
_NOTE_ONE = """
    INSERT INTO device_activity (device_id, last_seen_at) VALUES ($1, $2)
    ON CONFLICT (device_id) DO UPDATE
    SET last_seen_at = greatest(device_activity.last_seen_at, $2)
    """


async def note_seen(connection: Connection, device_id: int, received_at: datetime) -> None:
    """Note that a device was heard of without a reading, in the caller's transaction."""
    await connection.execute(_NOTE_ONE, device_id, received_at)


def newest_of(
    device_ids: NDArray[np.int64],
    received_at_us: NDArray[np.int64],
    observed_at_us: NDArray[np.int64],
) -> Iterator[tuple[int, int, int]]:
    """Give (device_id, newest received_at_us, newest observed_at_us) of each device in columns."""
    order = np.argsort(device_ids, kind="stable")
    devices = device_ids[order]
    starts = np.flatnonzero(np.diff(devices, prepend=-1))
    return zip(
        devices[starts].tolist(),
        np.maximum.reduceat(received_at_us[order], starts).tolist(),
        np.maximum.reduceat(observed_at_us[order], starts).tolist(),
        strict=True,
    )


class Activity:
    """Writes `device_activity` in the caller's transaction, debounced per device."""

    def __init__(self) -> None:
        self._noted_us: dict[int, int] = {}

    async def note(self, connection: Connection, seen: Iterable[tuple[int, int, int]]) -> None:
        """Note (device_id, received_at_us, observed_at_us) where the last note is old enough."""
        newest: dict[int, tuple[int, int]] = {}
        noted_us = self._noted_us
        for device_id, received_us, observed_us in seen:
            if received_us - noted_us.get(device_id, -NOTED_EVERY_US) < NOTED_EVERY_US:
                continue
            received, observed = newest.get(device_id, (received_us, observed_us))
            newest[device_id] = (max(received, received_us), max(observed, observed_us))
        if not newest:
            return
        due = sorted(newest)
        await connection.execute(
            _NOTE,
            due,
            [from_us(newest[device_id][0]) for device_id in due],
            [from_us(newest[device_id][1]) for device_id in due],
        )
        if len(self._noted_us) > REMEMBERED_MAX:
            self._noted_us.clear()
        self._noted_us.update((device_id, newest[device_id][0]) for device_id in due)
