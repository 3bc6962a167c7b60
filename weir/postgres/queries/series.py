"""What devices measure: which series there are, and the newest reading of each."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.errors import NotFoundError
from weir.model.announcement import Kind
from weir.model.serial import is_serial
from weir.postgres.pool import Connection
from weir.postgres.queries._read import fetch, lend
from weir.postgres.queries.kept import Kept, find_tail

#: Fields named in the message about one that does not exist.
_FIELDS_NAMED_MAX = 10
#: Stands for any characters in the name of a field; none of them can be part of a name.
WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Series:
    """A field of a device; `series_id` is what its readings are stored under.

    `kept`: from when on they still are. `is_named`: asked for by its name, not by a pattern.
    """

    series_id: int
    field: str
    unit: str
    serial: str = ""
    kind: Kind = Kind.GAUGE
    time_zone: str = "UTC"
    kept: Kept = dataclasses.field(default_factory=Kept)
    is_named: bool = False


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """A field of a device with its newest reading; both are None until there is one."""

    field: str
    unit: str
    description: str
    kind: Kind
    last_observed_at: datetime | None
    last_value: float | str | None


_FIND = """
    SELECT serial, series_id, field, unit, kind, time_zone,
           raw_from, minute_from, hour_from, day_from
    FROM device JOIN site USING (site_id) LEFT JOIN series USING (device_id)
    LEFT JOIN series_kept USING (series_id)
    WHERE serial = ANY($1::text[]) ORDER BY array_position($1::text[], serial), field
    """
# Rollups have what is older than their tail, so a series that is silent for long is found in one
# step and not in one for each partition: 64 series over a year of daily partitions take 2 ms
# instead of 74. The tail is a literal, for the planner to leave the partitions before it out.
_SUMMARISE = """
    SELECT field, unit, description, kind,
           CASE WHEN recent.at >= rolled.at OR rolled.at IS NULL THEN recent.at ELSE rolled.at END
               AS number_at,
           CASE WHEN recent.at >= rolled.at OR rolled.at IS NULL
                THEN recent.value ELSE rolled.value END AS number,
           words.observed_at AS text_at, words.value AS text
    FROM device JOIN series USING (device_id)
    LEFT JOIN LATERAL (SELECT observed_at AS at, value FROM reading
                       WHERE reading.series_id = series.series_id AND observed_at >= {tail}
                       ORDER BY observed_at DESC LIMIT 1) AS recent ON true
    LEFT JOIN LATERAL (SELECT last_at AS at, last_value AS value FROM rollup_day
                       WHERE rollup_day.series_id = series.series_id
                       ORDER BY bucket DESC LIMIT 1) AS rolled ON true
    LEFT JOIN LATERAL (SELECT observed_at, value FROM text_reading
                       WHERE text_reading.series_id = series.series_id
                       ORDER BY observed_at DESC LIMIT 1) AS words ON true
    WHERE serial = $1 ORDER BY field
    """
_HAVE_TEXTS = """
    SELECT id FROM unnest($1::integer[]) AS id
    WHERE EXISTS (SELECT FROM text_reading WHERE series_id = id)
    """
_HAVE_NUMBERS = """
    SELECT id FROM unnest($1::integer[]) AS id
    WHERE EXISTS (SELECT FROM rollup_day WHERE series_id = id)
       OR EXISTS (SELECT FROM reading WHERE series_id = id AND observed_at >= {tail})
    """


async def summarise_series(pool: asyncpg.Pool, serial: str) -> list[SeriesSummary]:
    """Give a device's series by field, each with its newest reading; none for an unknown device.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with lend(pool) as connection:
        statement = _SUMMARISE.format(tail=tail_literal(await find_tail(connection)))
        return [_summary(row) for row in await connection.fetch(statement, serial)]


async def find_series(
    pool: asyncpg.Pool, serials: Sequence[str], fields: Sequence[str]
) -> list[Series]:
    """Find the series of the devices' `fields`, by device in their order; no fields: all.

    A field may hold `*` for any characters. Of several devices some may lack a field.

    Raises:
        NotFoundError: no such device, or none of the devices ever had one of the fields.
        StoreUnavailableError: try again later.
    """
    rows = await fetch(pool, _FIND, [serial for serial in serials if is_serial(serial)])
    known = {row["serial"] for row in rows}
    for serial in serials:
        if serial not in known:
            raise NotFoundError(f"no device has the serial {serial[:80]!r}")
    found = [_series(row, fields) for row in rows if row["series_id"] is not None]
    wanted = {name: _pattern(name) for name in fields}
    names = sorted({series.field for series in found})
    for name, pattern in wanted.items():
        if not any(map(pattern.fullmatch, names)):
            raise NotFoundError(_explain(serials, name, names))
    patterns = wanted.values()
    return [
        each for each in found if not fields or any(one.fullmatch(each.field) for one in patterns)
    ]


async def which_are_texts(
    connection: Connection, series_ids: Sequence[int], tail: datetime | None
) -> set[int]:
    """Give the series that have texts and no numbers."""
    with_texts = await which_have_texts(connection, series_ids)
    if not with_texts:
        return with_texts
    statement = _HAVE_NUMBERS.format(tail=tail_literal(tail))
    return with_texts - {row["id"] for row in await connection.fetch(statement, with_texts)}


async def which_have_texts(connection: Connection, series_ids: Sequence[int]) -> set[int]:
    """Give the series that have texts, beside numbers or alone."""
    return {row["id"] for row in await connection.fetch(_HAVE_TEXTS, series_ids)}


def tail_literal(tail: datetime | None) -> str:
    """Write the instant from which on readings count; all of them where there are no rollups."""
    return f"'{'-infinity' if tail is None else tail.isoformat()}'::timestamptz"


def _series(row: asyncpg.Record, fields: Sequence[str]) -> Series:
    return Series(
        series_id=row["series_id"],
        field=row["field"],
        unit=row["unit"],
        serial=row["serial"],
        kind=Kind(row["kind"]),
        time_zone=row["time_zone"],
        kept=Kept.of(row),
        is_named=row["field"] in fields,
    )


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split(WILDCARD))))


def _summary(row: asyncpg.Record) -> SeriesSummary:
    # A field that has changed its type has both; the later one counts.
    is_text = row["number_at"] is None or (row["text_at"] or row["number_at"]) > row["number_at"]
    return SeriesSummary(
        field=row["field"],
        unit=row["unit"],
        description=row["description"],
        kind=Kind(row["kind"]),
        last_observed_at=row["text_at"] if is_text else row["number_at"],
        last_value=row["text"] if is_text else row["number"],
    )


def _explain(serials: Sequence[str], name: str, known: Sequence[str]) -> str:
    if len(serials) == 1:
        return f"device {serials[0]} has no field {name[:200]!r}; it has {_name(known)}"
    return f"none of the devices has a field {name[:200]!r}; they have {_name(known)}"


def _name(fields: Iterable[str]) -> str:
    named = list(fields)
    if not named:
        return "none yet"
    more = ", ..." if len(named) > _FIELDS_NAMED_MAX else ""
    return f"{', '.join(named[:_FIELDS_NAMED_MAX])}{more}"
