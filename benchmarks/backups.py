"""Measure backup and restore against PostgreSQL's own dump and restore, of the same database.

    python -m benchmarks.backups [--json FILE] [--readings N] [--runs N]

Both use one connection, one job and the same disk. Ours compresses with Zstandard, computes a
checksum of every table on both ways, and waits for the disk; the ceilings are a dump that is not
compressed, and its restore. The rate is of the readings; the megabytes are those that the tables
have in the database, without their indexes.
"""

import argparse
import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from rich.console import Console

from benchmarks.machine import describe_machine
from benchmarks.scenarios import Figure
from benchmarks.tables import median, table
from weir import backups
from weir.config import Settings
from weir.embedded.postgres_cluster import find_programs
from weir.postgres.migrate import migrate
from weir.testing.databases import open_database
from weir.testing.servers import open_postgres

NOW = datetime(2026, 11, 28, tzinfo=UTC)
DAYS = 10
SERIES_COUNT = 100
_SERIES = """
    WITH made AS (INSERT INTO device (serial, site_id) SELECT 'crane-1', site_id FROM site
                  RETURNING device_id)
    INSERT INTO series (device_id, field) SELECT device_id, 'field-' || n
    FROM made, generate_series(1, $1::integer) AS n
    """
#: Three decimals of a value that wanders, as sensors have them.
_READINGS = """
    INSERT INTO reading
    SELECT series_id, $1::timestamptz + n * $2::interval,
           round((20 + 5 * sin(n / 500.0) + random())::numeric, 3)
    FROM series, generate_series(0, $3::integer - 1) AS n ORDER BY 1, 2
    """
#: Of partitions, their sizes; a partitioned table has none of its own.
_SIZE = """
    SELECT sum(pg_table_size(oid))::bigint FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    """


@dataclass(frozen=True)
class Source:
    """A filled database, the server that it is on, and a folder for what is written."""

    server_url: str
    url: str
    folder: Path
    reading_count: int
    size_bytes: int


async def measure(source: Source) -> list[Figure]:
    """Save and restore, each way once."""
    with tempfile.TemporaryDirectory(dir=source.folder) as name:
        folder = Path(name)
        plain_s = await _dump(source, folder / "plain", "--compress=none")
        gzip_s = await _dump(source, folder / "gzip")
        began = time.perf_counter()
        made, _ = await backups.back_up(
            _settings(source.url), folder / "ours", NOW, {}, lambda _: None
        )
        backup_s = time.perf_counter() - began
        async with _empty(source) as url:
            dump = str(folder / "plain")
            theirs_s = await _program("pg_restore", url, "--exit-on-error", "--no-owner", dump)
        async with _empty(source) as url:
            began = time.perf_counter()
            await backups.restore(_settings(url), made, is_broker_new=False, report=lambda _: None)
            restore_s = time.perf_counter() - began
        ours_bytes = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
        gzip_bytes = (folder / "gzip").stat().st_size
    count, megabytes = source.reading_count, source.size_bytes / 1e6
    return [
        Figure("pg_dump, not compressed", count / plain_s, "readings/s"),
        Figure("pg_dump as it comes, gzip", count / gzip_s, "readings/s", count / plain_s),
        Figure("backup", count / backup_s, "readings/s", count / plain_s),
        Figure("backup", megabytes / backup_s, "MB/s"),
        Figure("pg_restore", count / theirs_s, "readings/s"),
        Figure("restore", count / restore_s, "readings/s", count / theirs_s),
        Figure("restore", megabytes / restore_s, "MB/s"),
        Figure("on the disk, gzip", gzip_bytes / count, "B/reading"),
        Figure("on the disk, backup", ours_bytes / count, "B/reading"),
    ]


async def _dump(source: Source, into: Path, *options: str) -> float:
    return await _program("pg_dump", source.url, "-Fc", *options, f"--file={into}")


async def fill(url: str, reading_count: int) -> int:
    """Fill an empty, migrated database; gives the size of its tables."""
    connection = await asyncpg.connect(url)
    try:
        since = NOW - timedelta(days=DAYS)
        await connection.execute(
            "SELECT ensure_reading_partitions($1, $2)", since.date(), NOW.date()
        )
        await connection.execute(_SERIES, SERIES_COUNT)
        each = reading_count // SERIES_COUNT
        await connection.execute(_READINGS, since, timedelta(days=DAYS) / each, each)
        await connection.execute("VACUUM ANALYZE")
        return int(await connection.fetchval(_SIZE))
    finally:
        await connection.close()


@asynccontextmanager
async def _empty(source: Source) -> AsyncIterator[str]:
    async with open_database(source.server_url, f"bench_{secrets.token_hex(4)}") as url:
        yield url


async def _program(name: str, url: str, *arguments: str) -> float:
    """Run a program of PostgreSQL on a database; gives the seconds that it took."""
    programs = find_programs(Path(tempfile.gettempdir()), None)
    began = time.perf_counter()
    await asyncio.to_thread(
        subprocess.run, [programs.path(name), f"--dbname={url}", *arguments], check=True
    )
    return time.perf_counter() - began


def _settings(url: str) -> Settings:
    return Settings.from_env({"WEIR_POSTGRES_URL": url})


async def _run(reading_count: int, run_count: int) -> list[Figure]:
    with open_postgres(os.environ) as server_url, tempfile.TemporaryDirectory() as folder:
        async with open_database(server_url, f"bench_{secrets.token_hex(4)}") as url:
            await migrate(url)
            size_bytes = await fill(url, reading_count)
            source = Source(server_url, url, Path(folder), reading_count, size_bytes)
            return median([await measure(source) for _ in range(run_count)])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backups", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--readings", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--runs", type=int, default=3, metavar="N")
    options = parser.parse_args()
    machine = describe_machine()
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(machine.sentence)
    figures = asyncio.run(_run(options.readings, options.runs))
    console.print(table(figures, f"{options.readings:,} readings, medians of {options.runs} runs"))
    if options.json:
        report = {"machine": asdict(machine), "figures": [asdict(each) for each in figures]}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
