"""A schema beside the live one, to rebuild readings in and compare."""

import re
from dataclasses import dataclass

import asyncpg

from weir.errors import ConfigError, NotFoundError
from weir.postgres.errors import translated
from weir.postgres.pool import transaction

#: A schema of its own, never one of PostgreSQL's or an extension's.
NAME_PATTERN = r"[a-z][a-z0-9_]{0,62}"
_RESERVED = re.compile(r"(public|information_schema|(pg|timescaledb|_timescaledb|toolkit).*)")
#: Rebuilt by a replay; devices and series stay those of the installation.
TABLES = (
    "reading",
    "text_reading",
    "device_event",
    "location",
    "stream_offset",
    "dead_letter",
    "device_activity",
    "reading_arrival",
    "rollup_request",
)
#: Independent of order: hashes of whole rows, added up.
_SUM = """
    SELECT 'reading' AS kind, count(*) AS count, coalesce(sum(hashfloat8extended(value,
        timestamp_hash_extended(observed_at::timestamp, hashint4extended(series_id, 0)))), 0) AS sum
    FROM {schema}.reading
    UNION ALL
    SELECT 'text_reading', count(*), coalesce(sum(hashtextextended(value,
        timestamp_hash_extended(observed_at::timestamp, hashint4extended(series_id, 0)))), 0)
    FROM {schema}.text_reading
    """
_DIFFERENCES = """
    SELECT sum(count) FROM (
        SELECT count(*) FROM (SELECT * FROM {schema}.reading
                              EXCEPT SELECT * FROM public.reading) AS numbers
        UNION ALL
        SELECT count(*) FROM (SELECT * FROM {schema}.text_reading
                              EXCEPT SELECT * FROM public.text_reading) AS texts
    ) AS differences
    """


@dataclass(frozen=True, slots=True)
class Checksum:
    """How many rows a table has, and a sum over them that no order changes."""

    count: int
    sum: str


def check_name(name: str) -> str:
    """Give back a name that a replay's schema may have.

    Raises:
        ConfigError: it may not.
    """
    if re.fullmatch(NAME_PATTERN, name) is None or _RESERVED.fullmatch(name):
        raise ConfigError(
            f"not a name for a schema: {name[:80]!r} (lower-case letters, digits and _, at most "
            "63, a letter first, and none of PostgreSQL's own)"
        )
    return name


async def create(pool: asyncpg.Pool, name: str) -> None:
    """Make the schema with empty tables; one that is there already is kept.

    Raises:
        ConfigError: the name cannot be used, or this role may not make a schema.
        StoreUnavailableError: try again later.
    """
    check_name(name)
    try:
        async with transaction(pool) as connection:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
            for table in TABLES:
                await connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {name}.{table} (LIKE public.{table} INCLUDING ALL)"
                )
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigError(
            f"this role may not make the schema {name} ({error}): give the owner's address in "
            "WEIR_POSTGRES_OWNER_URL"
        ) from error


async def drop(pool: asyncpg.Pool, name: str) -> None:
    """Delete the schema of a replay with everything in it.

    Raises:
        NotFoundError: there is no such schema, or it is not a replay's.
        StoreUnavailableError: try again later.
    """
    check_name(name)
    with translated():
        if await pool.fetchval("SELECT to_regclass($1)", f"{name}.stream_offset") is None:
            raise NotFoundError(f"there is no replay in a schema {name}")
        await pool.execute(f"DROP SCHEMA {name} CASCADE")


async def checksums(pool: asyncpg.Pool, schema: str) -> dict[str, Checksum]:
    """Sum up the readings of a schema (`public` for the live ones), by table.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        rows = await pool.fetch(_SUM.format(schema=schema), timeout=None)
    return {row["kind"]: Checksum(row["count"], str(row["sum"])) for row in rows}


async def count_differences(pool: asyncpg.Pool, schema: str) -> int:
    """Count the readings of a replay that are missing among the live ones, or have another value.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        return int(await pool.fetchval(_DIFFERENCES.format(schema=schema), timeout=None))
