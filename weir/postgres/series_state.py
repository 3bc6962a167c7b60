"""Series as the domain sees them: made when they are first heard of, read, written back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from weir.events.event import Author, JournalEntry, entries_of
from weir.events.series import (
    ENTITY,
    Announced,
    Series,
    SeriesCreated,
    Settings,
    entity_id,
)
from weir.model.announcement import Kind
from weir.postgres.pool import Connection

#: What an operator may set beside the class, which no device announces.
_OVERRIDABLE = ("unit", "description", "kind")

_CREATE = """
    INSERT INTO series (device_id, field, unit, description, kind,
                        announced_unit, announced_description, announced_kind)
    SELECT device_id, field, unit, description, kind, unit, description, kind
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS wanted (serial, field, unit, description, kind)
    JOIN device USING (serial)
    WHERE NOT EXISTS (SELECT FROM series AS s
                      WHERE s.device_id = device.device_id AND s.field = wanted.field)
    ORDER BY device_id, field
    ON CONFLICT (device_id, field) DO NOTHING
    RETURNING series_id, (SELECT serial FROM device WHERE device.device_id = series.device_id),
              field, unit, description, kind
    """
_LOCK = """
    SELECT series_id, field, unit, description, kind, class, overridden, series.entity_version,
           announced_unit, announced_description, announced_kind
    FROM series WHERE device_id = $1 AND field = ANY($2::text[])
    ORDER BY field FOR NO KEY UPDATE
    """
_STORE = """
    UPDATE series
    SET unit = $2, description = $3, kind = $4, class = $5, overridden = $6, entity_version = $7,
        announced_unit = $8, announced_description = $9, announced_kind = $10
    WHERE series_id = $1
    """
_REQUEST_ROLLUPS = "INSERT INTO rollup_request (series_id, reason) VALUES ($1, 'kind')"


@dataclass(frozen=True, slots=True)
class NewSeries:
    """A series as whoever hears of it first describes it."""

    serial: str
    field: str
    unit: str
    description: str = ""
    kind: Kind = Kind.GAUGE


async def create_series(connection: Connection, wanted: Sequence[NewSeries]) -> list[JournalEntry]:
    """Make what is not there yet; gives what is to be journalled. The devices must be there.

    The author is the device: nobody else can make a series.
    """
    rows = await connection.fetch(
        _CREATE,
        [new.serial for new in wanted],
        [new.field for new in wanted],
        [new.unit for new in wanted],
        [new.description for new in wanted],
        [new.kind for new in wanted],
    )
    entries: list[JournalEntry] = []
    for row in rows:
        event = SeriesCreated(
            series_id=row["series_id"],
            unit=row["unit"],
            description=row["description"],
            kind=row["kind"],
        )
        name = entity_id(row["serial"], row["field"])
        entries += entries_of(ENTITY, name, 0, [event], Author(row["serial"]))
    return entries


async def lock_series(
    connection: Connection, device_id: int, fields: Sequence[str]
) -> Mapping[str, Series]:
    """Read series of a device, and keep others from changing them until the transaction ends."""
    rows = await connection.fetch(_LOCK, device_id, fields)
    return {row["field"]: _series_of(row) for row in rows}


async def store_series(connection: Connection, before: Series, after: Series) -> None:
    """Write what a series has become; where it counts in another way, its rollups are redone."""
    await connection.execute(
        _STORE,
        after.series_id,
        after.unit,
        after.description,
        after.kind,
        after.series_class,
        overridden(after.settings),
        after.version,
        after.announced.unit,
        after.announced.description,
        after.announced.kind,
    )
    if after.kind != before.kind:
        await connection.execute(_REQUEST_ROLLUPS, after.series_id)


def overridden(settings: Settings) -> list[str]:
    """Name what an operator says in place of the device."""
    return [name for name in _OVERRIDABLE if getattr(settings, name) is not None]


def _series_of(row: asyncpg.Record) -> Series:
    told = row["overridden"]
    return Series(
        version=row["entity_version"],
        series_id=row["series_id"],
        announced=Announced(
            row["announced_unit"], row["announced_description"], Kind(row["announced_kind"])
        ),
        settings=Settings(
            unit=row["unit"] if "unit" in told else None,
            description=row["description"] if "description" in told else None,
            kind=Kind(row["kind"]) if "kind" in told else None,
            series_class=row["class"] or None,
        ),
    )
