"""The integers behind (serial, field), in memory: bounded, and filled in bulk."""

from collections.abc import Sequence
from typing import TypeAlias

import asyncpg

from weir.errors import RejectedByStoreError
from weir.postgres.devices import resolve_series

#: About 250 bytes each; beyond it the older ones are forgotten and looked up again.
SERIES_CACHED_MAX = 400_000
#: Series asked for in one statement.
RESOLVED_AT_ONCE_MAX = 5_000

#: (serial, field).
Key: TypeAlias = tuple[str, str]
#: (device_id, series_id).
Ids: TypeAlias = tuple[int, int]


class SeriesIds:
    """Gives (device_id, series_id) for (serial, field), enrolling what is new."""

    def __init__(self, pool: asyncpg.Pool, *, cached_max: int = SERIES_CACHED_MAX) -> None:
        self._pool = pool
        self._cached_max = cached_max
        self._known: dict[Key, Ids] = {}

    async def resolve(self, keys: Sequence[Key], units: Sequence[str]) -> list[Ids]:
        """Give the integers of every (serial, field), in the order given; each has its unit.

        Raises:
            RejectedByStoreError: one could not be enrolled.
            StoreUnavailableError: try again later.
        """
        known = self._known
        try:
            return [known[key] for key in keys]
        except KeyError:
            missing = {key: unit for key, unit in zip(keys, units, strict=True) if key not in known}
        # Held here, whatever is forgotten meanwhile.
        found = {key: known[key] for key in keys if key in known}
        found |= await self._look_up(missing)
        return [found[key] for key in keys]

    async def _look_up(self, missing: dict[Key, str]) -> dict[Key, Ids]:
        keys = [(serial, field, unit) for (serial, field), unit in missing.items()]
        found: dict[Key, Ids] = {}
        for start in range(0, len(keys), RESOLVED_AT_ONCE_MAX):
            found |= await resolve_series(self._pool, keys[start : start + RESOLVED_AT_ONCE_MAX])
        for serial, field in missing:
            if (serial, field) not in found:
                raise RejectedByStoreError(f"{serial}: the field {field} could not be enrolled")
        self._known |= found
        excess = len(self._known) - self._cached_max
        if excess > 0:
            for key in list(self._known)[: excess + self._cached_max // 2]:
                del self._known[key]
        return found
