"""Apply the SQL files of `schemas/sql` in order, each in a transaction, each once."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from weir.errors import MigrationError
from weir.paths import MIGRATIONS
from weir.postgres.errors import translated
from weir.postgres.grants import give_grants
from weir.postgres.pool import CONNECT_TIMEOUT_S

#: Two processes that start at once take turns; the second finds nothing left to do.
_LOCK = "SELECT pg_advisory_lock(hashtextextended('weir.migrations', 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('weir.migrations', 0))"
_CREATE_LEDGER = """
    CREATE TABLE IF NOT EXISTS migration (
        name       text PRIMARY KEY,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its name without `.sql`, the SHA-256 of its bytes, and its text."""

    name: str
    checksum: str
    sql: str


def read_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Read the migration files in the order of their numbers.

    Raises:
        MigrationError: two files share a number.
    """
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        number = path.name[:4]
        if number in found:
            raise MigrationError(f"two migrations have the number {number}")
        content = path.read_bytes()
        found[number] = Migration(
            path.stem, hashlib.sha256(content).hexdigest(), content.decode("utf-8")
        )
    return list(found.values())


async def migrate(url: str, folder: Path = MIGRATIONS, *, until: str | None = None) -> list[str]:
    """Bring the database up to date; gives the names of the migrations that were applied.

    `until`: the name of the last one, where older is wanted. Then gives the roles that exist what
    they may. Safe when two processes start at once.

    Raises:
        MigrationError: an applied file was changed or is missing, or a file failed.
        StoreUnavailableError: the database cannot be reached.
    """
    migrations = [each for each in read_migrations(folder) if until is None or each.name <= until]
    with translated():
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    try:
        with translated():
            await connection.execute(_LOCK)
            await connection.execute(_CREATE_LEDGER)
            waiting = plan(migrations, await _applied(connection))
            for migration in waiting:
                await _apply(connection, migration)
            await give_grants(connection)
            await connection.execute(_UNLOCK)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
    return [migration.name for migration in waiting]


async def pending(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Name the migrations that the database lacks, changing nothing.

    Raises:
        MigrationError: an applied file was changed or is missing.
        StoreUnavailableError: the database cannot be reached.
    """
    return (await compare_schema(url, folder)).pending


@dataclass(frozen=True, slots=True)
class SchemaGap:
    """How a database differs from what this version of Weir knows.

    Attributes:
        pending: the migrations that it lacks.
        unknown: those of a newer version, which was migrated for already.
    """

    pending: list[str]
    unknown: list[str]


async def compare_schema(url: str, folder: Path = MIGRATIONS) -> SchemaGap:
    """Compare the migrations of a database with ours, changing nothing.

    Raises:
        MigrationError: an applied file was changed or is missing.
        StoreUnavailableError: the database cannot be reached.
    """
    with translated():
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    try:
        with translated():
            applied = await _applied(connection)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
    ours = read_migrations(folder)
    missing = [migration.name for migration in plan(ours, applied)]
    return SchemaGap(missing, sorted(applied.keys() - {migration.name for migration in ours}))


def plan(migrations: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """Choose what is still to be applied; `applied` gives the checksum of each name.

    Migrations that are newer than all of ours are those of the next version: it was started first.

    Raises:
        MigrationError: an applied migration was edited, has no file, or comes after a new one.
    """
    known = {migration.name: migration.checksum for migration in migrations}
    ours = max(known, default="")
    for name, checksum in applied.items():
        if name > ours:
            continue
        if name not in known:
            raise MigrationError(f"the database has migration {name}, which this version lacks")
        if known[name] != checksum:
            raise MigrationError(f"migration {name} was edited after it was applied")
    waiting = [migration for migration in migrations if migration.name not in applied]
    newest = max(applied, default="")
    for migration in waiting:
        if migration.name < newest:
            raise MigrationError(f"migration {migration.name} comes before {newest}, applied")
    return waiting


async def _applied(connection: asyncpg.Connection) -> dict[str, str]:
    if await connection.fetchval("SELECT to_regclass('migration')") is None:
        return {}
    rows = await connection.fetch("SELECT name, checksum FROM migration ORDER BY name")
    return {row["name"]: row["checksum"] for row in rows}


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql, timeout=None)
            await connection.execute(
                "INSERT INTO migration (name, checksum) VALUES ($1, $2)",
                migration.name,
                migration.checksum,
            )
    except (asyncpg.SyntaxOrAccessError, asyncpg.DataError) as error:
        raise MigrationError(f"{migration.name}: {error}") from error
