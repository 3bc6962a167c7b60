"""Rebuild tables from the journal, beside them, and compare: the registry, and the commands.

What is rebuilt goes into temporary tables of one transaction, whose snapshot has the journal and
the tables of one moment: they change together, so they must agree.

Not compared is when a device last announced itself: nobody decides that, so it is no event.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from weir.errors import ConflictError
from weir.postgres.command_state import COLUMNS, Row
from weir.postgres.configuration_state import COLUMNS as CONFIGURATION_COLUMNS
from weir.postgres.errors import translated
from weir.postgres.pool import Connection
from weir.postgres.registry_fold import (
    Numbers,
    fold_commands,
    fold_configurations,
    fold_devices,
    fold_presence,
    fold_series,
    fold_sites,
)

#: Lets tables be changed, or raises.
Check = Callable[[Connection], Awaitable[None]]

#: Rows written to a temporary table at once.
WRITTEN_COUNT = 5_000
#: Differences told of one table; all are counted.
DIFFERENCES_TOLD_MAX = 100

#: Whoever changes one of them waits, and those that were at it are waited for.
_LOCK = "LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE"
_ORGANISATIONS = "SELECT slug, org_id FROM organisation"
_CREATE = "CREATE TEMPORARY TABLE rebuilt_{table} (LIKE public.{table}) ON COMMIT DROP"
_COUNT = "SELECT count(*) FROM {table}"
_DIFFER = """
    FROM (SELECT {columns} FROM public.{table}) AS live
    FULL JOIN (SELECT {columns} FROM rebuilt_{table}) AS rebuilt USING ({key})
    WHERE to_jsonb(live) IS DISTINCT FROM to_jsonb(rebuilt)
    """
_TELL = "SELECT to_jsonb(live) AS live, to_jsonb(rebuilt) AS rebuilt" + _DIFFER + "ORDER BY {key}"
_COUNT_DIFFERENT = "SELECT count(*)" + _DIFFER
_DELETE = """
    DELETE FROM public.{table} AS live
    WHERE NOT EXISTS (SELECT FROM rebuilt_{table} AS rebuilt WHERE rebuilt.{key} = live.{key})
    """
_UPDATE = """
    UPDATE public.{table} AS live SET ({writable}) = ROW({values})
    FROM rebuilt_{table} AS rebuilt WHERE rebuilt.{key} = live.{key}
    """
_INSERT = """
    INSERT INTO public.{table} ({all_columns}) OVERRIDING SYSTEM VALUE
    SELECT {all_columns} FROM rebuilt_{table} AS rebuilt
    WHERE NOT EXISTS (SELECT FROM public.{table} AS live WHERE live.{key} = rebuilt.{key})
    """
#: A series that the journal does not know may be of an older release, which did not journal them.
_MEASURED = """
    SELECT serial, field FROM series JOIN device USING (device_id)
    WHERE NOT EXISTS (SELECT FROM rebuilt_series AS rebuilt
                      WHERE rebuilt.series_id = series.series_id)
      AND (EXISTS (SELECT FROM reading WHERE reading.series_id = series.series_id)
           OR EXISTS (SELECT FROM text_reading AS text WHERE text.series_id = series.series_id))
    ORDER BY serial, field LIMIT 1
    """
#: Numbers that were given are never given again.
_SET_SEQUENCE = """
    SELECT setval(sequence, greatest(nextval(sequence), (SELECT max({key}) FROM public.{table})))
    FROM pg_get_serial_sequence('public.{table}', '{key}') AS sequence
    """


@dataclass(frozen=True, slots=True)
class Table:
    """One of the tables: its key, and what else of it is compared.

    `uncompared` is only written where a row is made anew. `is_numbered`: its key is a number that
    the database gives.
    """

    name: str
    key: str
    columns: str
    fold: Callable[[Connection, Numbers], AsyncIterator[Row]]
    uncompared: str = ""
    is_numbered: bool = True

    @property
    def all_columns(self) -> list[str]:
        """Name the columns in the order of what `fold` gives."""
        return f"{self.key} {self.columns} {self.uncompared}".split()

    def statement(self, template: str) -> str:
        """Fill in a statement; all names are constants of this module."""
        writable = self.columns.split()
        return template.format(
            table=self.name,
            key=self.key,
            columns=", ".join([self.key, *writable]),
            writable=", ".join(writable),
            values=", ".join(f"rebuilt.{column}" for column in writable),
            all_columns=", ".join(self.all_columns),
        )


#: In the order in which they refer to one another.
REGISTRY = (
    Table(
        "site",
        "site_id",
        "org_id slug name time_zone entity_version recorded_at",
        fold_sites,
    ),
    Table(
        "device",
        "device_id",
        "serial site_id state is_deleted name model firmware sample_rate_hz capabilities "
        "boot_id entity_version enrolled_at",
        fold_devices,
        uncompared="announced_at",
    ),
    Table(
        "series",
        "series_id",
        "device_id field unit description kind class overridden announced_unit "
        "announced_description announced_kind entity_version recorded_at",
        fold_series,
    ),
    Table(
        "device_presence",
        "device_id",
        "is_online reason changed_at budget entity_version",
        fold_presence,
    ),
    Table(
        "device_configuration",
        "device_id",
        " ".join(CONFIGURATION_COLUMNS),
        fold_configurations,
        is_numbered=False,
    ),
)
COMMANDS = (Table("command", COLUMNS[0], " ".join(COLUMNS[1:]), fold_commands, is_numbered=False),)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that the journal does not explain; None: it is not there, or should not be."""

    table: str
    live: Mapping[str, Any] | None
    rebuilt: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table beside what the journal says of it; at most `DIFFERENCES_TOLD_MAX` are told."""

    table: str
    live_count: int
    rebuilt_count: int
    difference_count: int
    differences: Sequence[Difference]


async def rebuild_registry(pool: asyncpg.Pool, *, apply: bool = False) -> list[Comparison]:
    """Fold devices, series and sites and compare; with `apply`, make the tables what it says.

    What only the tables have is deleted then, with all that refers to it.

    Raises:
        ConflictError: that would take a series from its readings; nothing was changed.
        UnknownEventError: the journal has events of a newer release.
        StoreUnavailableError: try again later; nothing was changed.
    """
    return await _rebuild_all(pool, REGISTRY, _check_readings if apply else None)


async def rebuild_commands(pool: asyncpg.Pool, *, apply: bool = False) -> list[Comparison]:
    """Fold commands and compare; with `apply`, make the table what the journal says.

    Raises:
        RejectedByStoreError: a device of one is missing: rebuild the registry first.
        UnknownEventError: the journal has events of a newer release.
        StoreUnavailableError: try again later; nothing was changed.
    """
    return await _rebuild_all(pool, COMMANDS, _check_nothing if apply else None)


async def _rebuild_all(
    pool: asyncpg.Pool, tables: Sequence[Table], check: Check | None
) -> list[Comparison]:
    """Fold and compare; `check` lets the tables be changed, or raises; None: they are not."""
    with translated():
        async with (
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read"),
        ):
            if check is not None:
                names = ", ".join(table.name for table in tables)
                await connection.execute(_LOCK.format(tables=names))
            numbers = Numbers(
                {row["slug"]: row["org_id"] for row in await connection.fetch(_ORGANISATIONS)}
            )
            for table in tables:
                await _rebuild(connection, table, numbers)
            found = [await _compare(connection, table) for table in tables]
            if check is not None and any(comparison.difference_count for comparison in found):
                await check(connection)
                await _apply(connection, tables)
    return found


async def _rebuild(connection: Connection, table: Table, numbers: Numbers) -> None:
    await connection.execute(table.statement(_CREATE))
    target = f"rebuilt_{table.name}"
    rows: list[Row] = []
    async for row in table.fold(connection, numbers):
        rows.append(row)
        if len(rows) == WRITTEN_COUNT:
            await connection.copy_records_to_table(target, records=rows, columns=table.all_columns)
            rows.clear()
    await connection.copy_records_to_table(target, records=rows, columns=table.all_columns)
    await connection.execute(f"ANALYZE {target}")


async def _compare(connection: Connection, table: Table) -> Comparison:
    difference_count = await connection.fetchval(table.statement(_COUNT_DIFFERENT), timeout=None)
    told = await connection.fetch(
        f"{table.statement(_TELL)} LIMIT {DIFFERENCES_TOLD_MAX}", timeout=None
    )
    return Comparison(
        table=table.name,
        live_count=await connection.fetchval(_COUNT.format(table=f"public.{table.name}")),
        rebuilt_count=await connection.fetchval(_COUNT.format(table=f"rebuilt_{table.name}")),
        difference_count=difference_count,
        differences=[
            Difference(table.name, _loaded(row["live"]), _loaded(row["rebuilt"])) for row in told
        ],
    )


async def _check_readings(connection: Connection) -> None:
    measured = await connection.fetchrow(_MEASURED)
    if measured is not None:
        raise ConflictError(
            f"{measured['serial']} {measured['field']} has readings, and the journal does not know "
            "it: delete its readings first, or restore the journal"
        )


async def _check_nothing(_: Connection) -> None:
    """Let the tables be changed."""


async def _apply(connection: Connection, tables: Sequence[Table]) -> None:
    for table in reversed(tables):
        await connection.execute(table.statement(_DELETE), timeout=None)
    for table in tables:
        await connection.execute(table.statement(_UPDATE), timeout=None)
        await connection.execute(table.statement(_INSERT), timeout=None)
        if table.is_numbered:
            await connection.execute(table.statement(_SET_SEQUENCE))


def _loaded(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else json.loads(text)
