"""The tables of each layer, and what the layers have to do with one another."""

from dataclasses import dataclass

from weir.model.retention import Layer
from weir.postgres.rollup_statements import Level


@dataclass(frozen=True, slots=True)
class LayerTable:
    """A layer of series: where it is, and where deleting may stop.

    `kept_from`: the column of `series_kept` that says from when on it is complete. `cut`: deletions
    end where such a unit begins, so that no bucket of `above` loses a part of what it was computed
    from. (Days of sites may: `site_days` sees to them.)
    """

    layer: Layer
    table: str
    instant: str
    kept_from: str
    cut: str
    above: Level | None


RAW = LayerTable(Layer.RAW, "reading", "observed_at", "raw_from", "minute", Level.MINUTE)
MINUTE = LayerTable(Layer.MINUTE, "rollup_minute", "bucket", "minute_from", "day", Level.HOUR)
HOUR = LayerTable(Layer.HOUR, "rollup_hour", "bucket", "hour_from", "day", Level.DAY)
DAY = LayerTable(Layer.DAY, "rollup_day", "bucket", "day_from", "day", None)

#: From the finest on: what a layer is computed from goes before it.
TABLES = (RAW, MINUTE, HOUR, DAY)
#: Those that have partitions or chunks.
PARTITIONED = (RAW, MINUTE)


def below(layer: LayerTable) -> LayerTable | None:
    """Give what a layer is computed from."""
    index = TABLES.index(layer)
    return TABLES[index - 1] if index else None
