"""The integers behind (serial, field), in memory: bounded, and filled in bulk."""

from collections.abc import Iterable

import asyncpg

from weir.errors import RejectedByStoreError
from weir.postgres.devices import resolve_series

#: About 250 bytes each; beyond it the older ones are forgotten and looked up again.
SERIES_CACHED_MAX = 400_000
#: Series asked for in one statement.
RESOLVED_AT_ONCE_MAX = 5_000


class SeriesIds:
    """Gives (device_id, series_id) for (serial, field), enrolling what is new."""

    def __init__(self, pool: asyncpg.Pool, *, cached_max: int = SERIES_CACHED_MAX) -> None:
        self._pool = pool
        self._cached_max = cached_max
        self._known: dict[tuple[str, str], tuple[int, int]] = {}

    async def resolve(
        self, wanted: Iterable[tuple[str, str, str]]
    ) -> dict[tuple[str, str], tuple[int, int]]:
        """Give the integers of every (serial, field, unit), whatever is forgotten meanwhile.

        Raises:
            RejectedByStoreError: one could not be enrolled.
            StoreUnavailableError: try again later.
        """
        found: dict[tuple[str, str], tuple[int, int]] = {}
        missing: dict[tuple[str, str], str] = {}
        for serial, field, unit in wanted:
            key = (serial, field)
            ids = self._known.get(key)
            if ids is None:
                missing[key] = unit
            else:
                found[key] = ids
        if missing:
            found |= await self._look_up(missing)
        return found

    async def _look_up(
        self, missing: dict[tuple[str, str], str]
    ) -> dict[tuple[str, str], tuple[int, int]]:
        keys = [(serial, field, unit) for (serial, field), unit in missing.items()]
        found: dict[tuple[str, str], tuple[int, int]] = {}
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
