"""From when on each series keeps each layer: policies and a clock, as columns for statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.model.retention import DEVICE_LAYERS, Layer, Policies, kept_from, resolve
from weir.postgres.errors import translated
from weir.postgres.retention.policies import SITE_NAME

#: Every site, also one without series: its events and locations have ages too.
_GROUPS = f"""
    SELECT DISTINCT site_id, {SITE_NAME} AS site, coalesce(class, '') AS class
    FROM site JOIN organisation USING (org_id)
    LEFT JOIN device USING (site_id) LEFT JOIN series USING (device_id)
    """  # noqa: S608 - only constants are put together
#: Series of which something has expired, by site and class, in statements whose first three
#: parameters are those of `Bounds`.
EXPIRING = """
    unnest($1::integer[], $2::text[], $3::timestamptz[]) AS expiring (site_id, class, until)
    """
#: Every series with `expiring.until`, from when on it keeps the layer; NULL: all of it.
SERIES_WITH_BOUNDS = f"""
    series JOIN device USING (device_id)
    LEFT JOIN {EXPIRING} USING (site_id, class)
    LEFT JOIN series_kept AS kept USING (series_id)
    """


@dataclass(frozen=True, slots=True)
class Bounds:
    """From when on one layer is kept, for each site and class; those that keep all are left out."""

    site_ids: Sequence[int]
    classes: Sequence[str]
    untils: Sequence[datetime]

    @property
    def arguments(self) -> tuple[Sequence[int], Sequence[str], Sequence[datetime]]:
        """The three columns, as parameters of a statement."""
        return self.site_ids, self.classes, self.untils

    @property
    def latest(self) -> datetime | None:
        """Before when anything at all may go; None: nothing."""
        return max(self.untils, default=None)


async def find_bounds(
    pool: asyncpg.Pool, policies: Policies, now: datetime
) -> Mapping[Layer, Bounds]:
    """Work out the bounds of every layer.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        groups = await pool.fetch(_GROUPS)
    found: dict[Layer, list[tuple[int, str, datetime]]] = {layer: [] for layer in Layer}
    for group in groups:
        ages = resolve(policies, group["site"], group["class"])
        for layer in Layer:
            until = kept_from(now, ages[layer])
            # Of a device there is one age, whatever classes its series have.
            series_class = "" if layer in DEVICE_LAYERS else group["class"]
            entry = (group["site_id"], series_class)
            if until is not None and (*entry, until) not in found[layer]:
                found[layer].append((*entry, until))
    return {
        layer: Bounds(
            [site_id for site_id, _, _ in entries],
            [series_class for _, series_class, _ in entries],
            [until for _, _, until in entries],
        )
        for layer, entries in found.items()
    }
