"""The integers behind serials, in memory: bounded, and filled in bulk."""

from collections.abc import Iterable, Mapping

import asyncpg

from weir.errors import RejectedByStoreError
from weir.postgres.devices import resolve_devices

#: About 150 bytes each; beyond it all are forgotten and looked up again.
DEVICES_CACHED_MAX = 200_000


class DeviceIds:
    """Gives the device_id of serials, enrolling what is new."""

    def __init__(self, pool: asyncpg.Pool, *, cached_max: int = DEVICES_CACHED_MAX) -> None:
        self._pool = pool
        self._cached_max = cached_max
        self._known: dict[str, int] = {}

    async def resolve(self, serials: Iterable[str]) -> Mapping[str, int]:
        """Give the device_id of every serial, whatever is forgotten meanwhile.

        Raises:
            RejectedByStoreError: one could not be enrolled.
            StoreUnavailableError: try again later.
        """
        wanted = set(serials)
        found = {serial: self._known[serial] for serial in wanted if serial in self._known}
        missing = sorted(wanted - found.keys())
        if missing:
            found |= await resolve_devices(self._pool, missing)
            for serial in missing:
                if serial not in found:
                    raise RejectedByStoreError(f"{serial} could not be enrolled")
            if len(self._known) + len(missing) > self._cached_max:
                self._known.clear()
            self._known |= found
        return found
