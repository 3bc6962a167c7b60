"""The tables of an installation, as a backup sees them: in order, with columns and partitions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from weir.postgres.pool import Connection

#: The ledger and the grants are made by `iotctl migrate`; keys that sign logins are secrets, and
#: gateways make new ones.
LEFT_OUT = ("migration", "role_grant", "signing_key")

_TABLES = """
    SELECT c.oid, c.relname AS name, c.relkind = 'p' AS is_partitioned
    FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND c.relname <> ALL ($1)
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                      AND objid = c.oid AND deptype = 'e')
    ORDER BY c.relname
    """
_COLUMNS = """
    SELECT attname AS name FROM pg_attribute
    WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attnum
    """
_PARTITIONS = """
    SELECT child.relname AS name, pg_get_expr(child.relpartbound, child.oid) AS bounds
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = $1 ORDER BY child.relname
    """
_CHUNKS = """
    SELECT range_start AS since, range_end AS until FROM timescaledb_information.chunks
    WHERE hypertable_schema = 'public' AND hypertable_name = $1 ORDER BY range_start
    """
_SEQUENCES = """
    SELECT relname FROM pg_class AS c
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                      AND objid = c.oid AND deptype = 'e')
    ORDER BY relname
    """
_REFERENCES = """
    SELECT conrelid::regclass::text AS referring, confrelid::regclass::text AS referred
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
    """
#: With everything below it: partitions, and chunks, which inherit.
_SIZE = """
    WITH RECURSIVE below AS (
        SELECT $1::text::regclass::oid AS id
        UNION ALL SELECT inhrelid FROM pg_inherits JOIN below ON inhparent = below.id
    )
    SELECT coalesce(sum(pg_table_size(id)), 0)::bigint FROM below
    """
_BOUNDS = re.compile(r"FROM \('([^']+)'\) TO \('([^']+)'\)")


@dataclass(frozen=True, slots=True)
class Unit:
    """What is copied at once: a table with all that inherits from it, or one partition.

    `is_default`: where rows wait whose partition is not made yet.
    """

    name: str
    size_bytes: int
    is_only: bool = False
    is_default: bool = False

    @property
    def source(self) -> str:
        """Spell it as a statement reads from it."""
        return f'{"ONLY " if self.is_only else ""}public."{self.name}"'


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what is copied, and what its partitions or chunks span."""

    name: str
    columns: tuple[str, ...]
    units: tuple[Unit, ...]
    ranges: tuple[tuple[datetime, datetime], ...] = field(default=())


async def read_sequences(connection: Connection) -> list[str]:
    """List the sequences, those of identity columns among them."""
    return [row["relname"] for row in await connection.fetch(_SEQUENCES)]


async def read_tables(connection: Connection) -> list[Table]:
    """List the tables, each after those that it refers to."""
    found = {}
    for row in await connection.fetch(_TABLES, LEFT_OUT):
        columns = await connection.fetch(_COLUMNS, row["oid"])
        partitions = await connection.fetch(_PARTITIONS, row["oid"])
        units, ranges = [], []
        if row["is_partitioned"]:
            for partition in partitions:
                units.append(await _partition(connection, partition["name"], partition["bounds"]))
                ranges += parse_bounds(partition["bounds"])
        else:
            units.append(Unit(row["name"], await _size(connection, row["name"])))
            ranges += await _chunks(connection, row["name"]) if partitions else []
        found[row["name"]] = Table(
            row["name"],
            tuple(column["name"] for column in columns),
            tuple(units),
            tuple(ranges),
        )
    references = [
        (row["referring"], row["referred"]) for row in await connection.fetch(_REFERENCES)
    ]
    return [found[name] for name in in_order(found, references)]


def in_order(names: Iterable[str], references: Sequence[tuple[str, str]]) -> list[str]:
    """Sort names so that what refers to another comes after it; else by name.

    Raises:
        ValueError: tables refer to one another in a circle.
    """
    waiting = sorted(names)
    done: list[str] = []
    while waiting:
        ready = [
            name
            for name in waiting
            if not any(
                referring == name and referred in waiting and referred != name
                for referring, referred in references
            )
        ]
        if not ready:
            raise ValueError(f"tables refer to one another in a circle: {', '.join(waiting)}")
        done += ready
        waiting = [name for name in waiting if name not in ready]
    return done


def parse_bounds(bounds: str) -> list[tuple[datetime, datetime]]:
    """Read what a partition spans out of its definition; nothing for the default one."""
    match = _BOUNDS.search(bounds)
    if match is None:
        return []
    since, until = (datetime.fromisoformat(text).astimezone(UTC) for text in match.groups())
    return [(since, until)]


async def _partition(connection: Connection, name: str, bounds: str) -> Unit:
    size = await _size(connection, name)
    return Unit(name, size, is_only=True, is_default=bounds == "DEFAULT")


async def _size(connection: Connection, name: str) -> int:
    return int(await connection.fetchval(_SIZE, f'public."{name}"'))


async def _chunks(connection: Connection, name: str) -> list[tuple[datetime, datetime]]:
    rows = await connection.fetch(_CHUNKS, name)
    return [(row["since"], row["until"]) for row in rows]
