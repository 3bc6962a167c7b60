"""Load a backup into an empty database, all of it or nothing, and prove that it is the same.

One transaction: until it commits, nobody sees anything, and what fails leaves the database as empty
as it was. The proof is the checksum of every table, computed again from what is stored here.
"""

from collections.abc import Sequence
from pathlib import Path

from weir.consumer import JOURNAL
from weir.errors import BackupError
from weir.model import backup as model
from weir.postgres.backup import Report, connect, sum_rows
from weir.postgres.backup_file import read_blocks
from weir.postgres.backup_tables import read_tables
from weir.postgres.errors import translated
from weir.postgres.pool import CONNECT_TIMEOUT_S, Connection
from weir.postgres.rollup_requests import Reason

#: Tables that say that somebody has used this installation.
_USED = ("user_account", "device", "series", "reading", "dead_letter")
_SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'weir' AND pid <> pg_backend_pid()
    """
_MAKE_PARTITIONS = {
    "reading": "SELECT ensure_reading_partitions($1, $2)",
    "rollup_minute": "SELECT ensure_minute_partitions($1, $2)",
    "device_log": """
        SELECT ensure_device_log_partitions(
            ARRAY(SELECT generate_series($1::date, $2::date, interval '1 day')::date))""",
}
_SET_SEQUENCE = "SELECT setval(('public.' || quote_ident($1))::regclass, $2, $3)"
_FORGET_STREAMS = (
    f"DELETE FROM stream_offset WHERE stream <> '{JOURNAL}'",  # noqa: S608 - ours
    "DELETE FROM rollup_progress",
    "DELETE FROM reading_arrival",
)
#: What the writer had stored and the rollups had not reached: of a stream that is gone, they never
#: will, so everything since the oldest such minute is computed again.
_ASK_ROLLUPS = """
    INSERT INTO rollup_request (series_id, reason)
    SELECT series_id, $1 FROM series ORDER BY series_id
    """
#: Readings and rollups are half of the work, their checksums the other half.
_LOADING_SHARE = 0.6


async def load(url: str, folder: Path, manifest: model.Manifest, report: Report) -> None:
    """Fill the tables of a database that has the manifest's migrations and nothing else.

    Raises:
        BackupError: the database is in use, or not empty; or what was loaded is not what was saved.
        StoreUnavailableError: the database is away; nothing was changed.
    """
    with translated():
        connection = await connect(url)
        try:
            async with connection.transaction():
                await _require_empty(connection)
                await _require_same(connection, manifest.tables)
                names = ", ".join(f'public."{table.name}"' for table in manifest.tables)
                await connection.execute(f"TRUNCATE {names} CASCADE")
                await _make_partitions(connection, manifest.tables)
                await _fill(connection, folder, manifest.tables, report)
                for position in manifest.sequences:
                    await connection.execute(_SET_SEQUENCE, *position.model_dump().values())
                await _compare(connection, manifest.tables, report)
            await connection.execute("ANALYZE", timeout=None)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)


async def forget_streams(url: str) -> None:
    """Begin at the start of streams that are new, and compute all rollups again.

    Raises:
        StoreUnavailableError: the database is away; nothing was changed.
    """
    with translated():
        connection = await connect(url)
        try:
            async with connection.transaction():
                for statement in _FORGET_STREAMS:
                    await connection.execute(statement)
                await connection.execute(_ASK_ROLLUPS, Reason.REBUILD)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)


async def _require_empty(connection: Connection) -> None:
    if await connection.fetchval(_SESSIONS):
        raise BackupError("services of Weir are connected to this database: stop them first")
    for table in _USED:
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM public.{table})"):  # noqa: S608
            raise BackupError(
                f"the database is not empty: {table} has rows; restore into a new one"
            )


async def _require_same(connection: Connection, tables: Sequence[model.BackedUpTable]) -> None:
    here = {table.name: table.columns for table in await read_tables(connection)}
    there = {table.name: table.columns for table in tables}
    if here != there:
        wrong = sorted(
            name for name in here.keys() | there.keys() if here.get(name) != there.get(name)
        )
        raise BackupError(f"the tables are not those of the backup: {', '.join(wrong)}")


async def _make_partitions(connection: Connection, tables: Sequence[model.BackedUpTable]) -> None:
    """Make the partitions that the rows go to; TimescaleDB makes its chunks by itself."""
    for table in tables:
        statement = _MAKE_PARTITIONS.get(table.name, "")
        for span in table.ranges if statement else ():
            since = span.since.date()
            # The end is not in it: its day is another partition's.
            until = max(since, (span.until - model.ONE_INSTANT).date())
            await connection.fetchval(statement, since, until)


async def _fill(
    connection: Connection, folder: Path, tables: Sequence[model.BackedUpTable], report: Report
) -> None:
    total = sum(table.size_bytes for table in tables)
    done = 0
    for table in tables:
        for part in table.parts:
            await connection.copy_to_table(
                table.name,
                schema_name="public",
                source=read_blocks(folder / part.file),
                columns=table.columns,
                format="binary",
                timeout=None,
            )
            done += part.size_bytes
            report(_LOADING_SHARE * done / max(total, 1))


async def _compare(
    connection: Connection, tables: Sequence[model.BackedUpTable], report: Report
) -> None:
    total = sum(table.row_count for table in tables)
    done = 0
    for table in tables:
        found = await sum_rows(connection, table.columns, f'public."{table.name}"')
        if found != (table.row_count, table.checksum):
            raise BackupError(
                f"{table.name} came out otherwise: {found[0]} rows, checksum {found[1]}; "
                f"the backup has {table.row_count} rows, checksum {table.checksum}"
            )
        done += table.row_count
        report(_LOADING_SHARE + (1 - _LOADING_SHARE) * done / max(total, 1))
