"""The integers behind (serial, field), looked up and never made: for those that only follow."""

from collections.abc import Collection

import asyncpg

from weir.postgres.errors import translated

#: About 200 bytes each; beyond it all are forgotten and looked up again.
SERIES_KNOWN_MAX = 200_000
_LOOK_UP = """
    SELECT serial, field, series_id
    FROM unnest($1::text[], $2::text[]) AS wanted (serial, field)
    JOIN device USING (serial) JOIN series USING (device_id, field)
    """


class KnownSeries:
    """Gives the series_id of (serial, field), for those that there are."""

    def __init__(self, pool: asyncpg.Pool, *, known_max: int = SERIES_KNOWN_MAX) -> None:
        self._pool = pool
        self._known_max = known_max
        self._known: dict[tuple[str, str], int] = {}

    async def look_up(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Give the series_id of each that exists.

        Raises:
            StoreUnavailableError: try again later.
        """
        found = {key: self._known[key] for key in wanted if key in self._known}
        missing = [key for key in wanted if key not in found]
        if missing:
            with translated():
                rows = await self._pool.fetch(
                    _LOOK_UP, [serial for serial, _ in missing], [field for _, field in missing]
                )
            new = {(row["serial"], row["field"]): row["series_id"] for row in rows}
            if len(self._known) + len(new) > self._known_max:
                self._known.clear()
            self._known |= new
            found |= new
        return found
