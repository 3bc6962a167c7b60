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

    async def prepare(self, wanted: Iterable[tuple[str, str, str]]) -> None:
        """Look up every (serial, field, unit) that is not known yet.

        Raises:
            RejectedByStoreError: one could not be enrolled.
            StoreUnavailableError: try again later.
        """
        known = self._known
        # Before it is looked at what is missing: nothing that this commit needs is forgotten.
        if len(known) > self._cached_max:
            for key in list(known)[: len(known) - self._cached_max // 2]:
                del known[key]
        missing = {
            (serial, field): unit for serial, field, unit in wanted if (serial, field) not in known
        }
        if not missing:
            return
        keys = [(serial, field, unit) for (serial, field), unit in missing.items()]
        for start in range(0, len(keys), RESOLVED_AT_ONCE_MAX):
            known.update(
                await resolve_series(self._pool, keys[start : start + RESOLVED_AT_ONCE_MAX])
            )
        for key in missing:
            if key not in known:
                raise RejectedByStoreError(f"{key[0]}: the field {key[1]} could not be enrolled")

    def __getitem__(self, key: tuple[str, str]) -> tuple[int, int]:
        return self._known[key]
