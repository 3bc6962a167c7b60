"""Copy every table of an installation into files, all as of one instant, while everything runs.

One repeatable-read transaction reads everything, so rows, dead letters and checkpoints fit
together: what the streams hold after the checkpoints is what these tables do not have. It keeps
partitions from being dropped and migrations from beginning until it is done; nothing else waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from weir.errors import StoreUnavailableError
from weir.model import backup as model
from weir.postgres.backup_file import new_file, sha256_of
from weir.postgres.backup_tables import Table, Unit, read_sequences, read_tables
from weir.postgres.errors import translated
from weir.postgres.pool import CONNECT_TIMEOUT_S, Connection

#: What is done of all, from 0 to 1.
Report = Callable[[float], object]

#: How a row is spelled for its checksum, whatever the server's defaults are.
SPELLING = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}
_WAIT_FOR_MIGRATIONS = "SELECT pg_advisory_xact_lock_shared(hashtextextended('weir.migrations', 0))"
_SUM = """
    SELECT count(*) AS row_count,
           coalesce(sum(hashtextextended(ROW({columns})::text, 0)), 0)::text AS checksum
    FROM {source}
    """


@dataclass(frozen=True, slots=True)
class Dumped:
    """What the manifest says of a database."""

    tables: tuple[model.BackedUpTable, ...]
    sequences: tuple[model.SequencePosition, ...]
    migrations: tuple[model.AppliedMigration, ...]
    postgres_version: str
    storage_mode: str


async def dump(url: str, folder: Path, report: Report) -> Dumped:
    """Write the files of all tables below `folder`, which exists.

    Raises:
        BackupError: a file cannot be written.
        StoreUnavailableError: the database is away, or a partition was dropped as this began.
    """
    (folder / model.TABLES).mkdir()
    async with snapshot(url) as (connection, name):
        tables = await read_tables(connection)
        await _hold(connection, tables)
        total = sum(unit.size_bytes for table in tables for unit in table.units)
        done = 0

        def advance(of_unit: int, size: int) -> None:
            report((done + min(of_unit, size)) / max(total, 1))

        parts: dict[str, list[model.FilePart]] = {table.name: [] for table in tables}
        # What waits for its partition first: until then no partition can be made.
        for table, unit in sorted(_units(tables), key=lambda each: not each[1].is_default):
            async with _reader(url, connection, name, unit) as reader:
                part = await _copy(reader, table, unit, folder, advance)
            parts[table.name].append(part)
            done += unit.size_bytes
        return Dumped(
            tables=tuple(_describe(table, parts[table.name]) for table in tables),
            sequences=await _positions(connection),
            migrations=await _migrations(connection),
            postgres_version=await connection.fetchval("SHOW server_version"),
            storage_mode=await connection.fetchval("SELECT storage_mode()"),
        )


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[tuple[Connection, str]]:
    """Give a connection that sees one instant until the block ends, and the name to share it by.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with translated():
        connection = await connect(url)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(_WAIT_FOR_MIGRATIONS)
                yield connection, await connection.fetchval("SELECT pg_export_snapshot()")
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Connect for statements that may take hours."""
    settings = {"application_name": "weir-backup", **SPELLING}
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, server_settings=settings)


async def sum_rows(connection: Connection, columns: Sequence[str], source: str) -> tuple[int, int]:
    """Count the rows of a table or partition, and sum them up in a way that no order changes."""
    statement = _SUM.format(columns=quoted(columns), source=source)
    row = await connection.fetchrow(statement, timeout=None)
    assert row is not None  # noqa: S101 - an aggregate has one row
    return row["row_count"], int(row["checksum"])


def quoted(columns: Sequence[str]) -> str:
    """Spell columns in a statement."""
    return ", ".join(f'"{column}"' for column in columns)


def _units(tables: Sequence[Table]) -> list[tuple[Table, Unit]]:
    return [(table, unit) for table in tables for unit in table.units]


async def _hold(connection: Connection, tables: Sequence[Table]) -> None:
    """Keep tables and partitions from going, but not the default ones: rows must go out of them."""
    held = [unit.source for _, unit in _units(tables) if not unit.is_default]
    try:
        await connection.execute(f"LOCK TABLE {', '.join(held)} IN ACCESS SHARE MODE")
    except asyncpg.UndefinedTableError as error:
        raise StoreUnavailableError(f"a partition was dropped meanwhile: {error}") from error


@asynccontextmanager
async def _reader(
    url: str, connection: Connection, name: str, unit: Unit
) -> AsyncIterator[Connection]:
    """Give what reads a unit: for a default partition a short transaction on the same snapshot."""
    if not unit.is_default:
        yield connection
        return
    other = await connect(url)
    try:
        async with other.transaction(isolation="repeatable_read", readonly=True):
            await other.execute(f"SET TRANSACTION SNAPSHOT '{name}'")
            yield other
    finally:
        await other.close(timeout=CONNECT_TIMEOUT_S)


async def _copy(
    connection: Connection,
    table: Table,
    unit: Unit,
    folder: Path,
    advance: Callable[[int, int], None],
) -> model.FilePart:
    name = f"{model.TABLES}/{unit.name}.copy.zst"
    copied = 0
    query = f"SELECT {quoted(table.columns)} FROM {unit.source}"  # noqa: S608 - from the catalogue
    async with new_file(folder / name) as file:

        async def write(content: bytes) -> None:
            nonlocal copied
            copied += len(content)
            await file.write(content)
            advance(copied, unit.size_bytes)

        await connection.copy_from_query(query, output=write, format="binary", timeout=None)
    row_count, checksum = await sum_rows(connection, table.columns, unit.source)
    return model.FilePart(
        file=name,
        size_bytes=(folder / name).stat().st_size,
        sha256=await asyncio.to_thread(sha256_of, folder / name),
        row_count=row_count,
        checksum=checksum,
    )


def _describe(table: Table, parts: Sequence[model.FilePart]) -> model.BackedUpTable:
    return model.BackedUpTable(
        name=table.name,
        columns=table.columns,
        parts=tuple(parts),
        ranges=tuple(model.TimeRange(since=since, until=until) for since, until in table.ranges),
    )


async def _positions(connection: Connection) -> tuple[model.SequencePosition, ...]:
    # Sequences know no snapshot: this is at least what the rows have.
    found = []
    for name in await read_sequences(connection):
        row = await connection.fetchrow(f'SELECT last_value, is_called FROM public."{name}"')  # noqa: S608
        assert row is not None  # noqa: S101 - a sequence is a table of one row
        found.append(model.SequencePosition(name=name, **row))
    return tuple(found)


async def _migrations(connection: Connection) -> tuple[model.AppliedMigration, ...]:
    rows = await connection.fetch("SELECT name, checksum FROM migration ORDER BY name")
    return tuple(model.AppliedMigration(**row) for row in rows)
