"""Measure what dashboards ask, over a year of data: how long PostgreSQL takes for each panel.

    python -m benchmarks.dashboards [--json FILE] [--repeat N]

Every panel that asks PostgreSQL, as the role that Grafana has, with a year as its span; the server
tells its time for planning and running. The medians are shown, the slowest first.
"""

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.table import Table

from benchmarks import query_data
from benchmarks.machine import describe_machine
from benchmarks.query_data import BEGIN, END
from benchmarks.scenarios import Figure
from scripts.grafana import database, device, fleet, pipeline
from scripts.grafana.macros import View, expand
from weir.postgres.migrate import migrate
from weir.postgres.pool import Connection
from weir.postgres.roles import Role
from weir.testing.databases import as_role, make_roles, open_database
from weir.testing.servers import open_postgres

#: What a panel may take of the database.
LIMIT_MS = 200.0
FLEET_COUNT = 2_000
_CHOSEN = {"device": ["wide"], "site": ["unassigned"], "field": [f"field-{i}" for i in range(1, 7)]}
_SPANS = {
    "a year": timedelta(days=365),
    "a day": timedelta(days=1),
    "two hours": timedelta(hours=2),
}
_ROLES = {"weir-postgres": Role.READONLY, "weir-postgres-statistics": Role.MONITORING}
_FLEET = """
    WITH made AS (
        INSERT INTO device (serial, site_id)
        SELECT 'fleet-' || n, site_id FROM site, generate_series(1, $1) AS n
        WHERE slug = 'unassigned' RETURNING device_id)
    INSERT INTO location (device_id, observed_at, latitude_deg, longitude_deg, fix)
    SELECT device_id, $2::timestamptz - hours * interval '1 hour', 50, 9, '3d'
    FROM made, generate_series(1, 50) AS hours
    """
_EVENTS = """
    INSERT INTO device_event (device_id, observed_at, type, digest, data)
    SELECT device_id, $1::timestamptz - hours * interval '1 hour', 'charged',
           decode(md5(hours::text), 'hex'), '{}'
    FROM device, generate_series(1, 8760) AS hours WHERE serial = 'wide'
    """
_LETTERS = """
    INSERT INTO dead_letter (reason, error, consumer, source, source_offset, exchange, routing_key,
                             body, serial, attempts, first_seen_at, recorded_at)
    SELECT 'implausible', 'no', 'measurements', 's', n, 'iot', 'k',
           convert_to(repeat('x', 500), 'UTF8'), 'fleet-' || n % 100, 1, at, at
    FROM generate_series(1, 20000) AS n,
         LATERAL (SELECT $1::timestamptz - n * interval '26 minutes' AS at) AS time
    """


async def furnish(connection: Connection) -> None:
    """Fill an empty, migrated database with a year of two devices, and a fleet beside them."""
    await query_data.make_partitions(connection)
    await query_data.fill_hourly(connection, "wide", 64)
    await query_data.fill_every_second(connection, "fast")
    await connection.execute(_FLEET, FLEET_COUNT, END)
    await connection.execute(_EVENTS, END)
    await connection.execute(_LETTERS, END)
    await connection.execute("VACUUM ANALYZE")


async def measure(url: str, repeat: int) -> list[Figure]:
    """Give a figure for each panel and span; `url`: of the owner of a furnished database."""
    figures = []
    for uid, role in _ROLES.items():
        connection = await asyncpg.connect(as_role(url, role))
        try:
            for title, text in panels(uid):
                for span in _SPANS if "$__" in text else ["now"]:
                    name = f"{title}, {span}"
                    figures.append(await _figure(connection, name, text, _SPANS.get(span), repeat))
        finally:
            await connection.close()
    return sorted(figures, key=lambda figure: -figure.value)


def panels(uid: str) -> Iterator[tuple[str, str]]:
    """Give the title and the SQL of every panel that asks a source."""
    for module in (fleet, device, pipeline, database):
        dashboard: Mapping[str, Any] = module.dashboard().render()
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["uid"] == uid and "rawSql" in target:
                    yield (
                        f"{dashboard['title'].removeprefix('Weir: ')}: {panel['title']}",
                        target["rawSql"],
                    )


async def _figure(
    connection: Connection, name: str, text: str, span: timedelta | None, repeat: int
) -> Figure:
    since = END - (span or timedelta(days=1))
    interval_s = max(1, round((END - since).total_seconds() / 1_000))
    statement = expand(text, View(since, END, f"{interval_s}s", _CHOSEN))
    times_ms = []
    for _ in range(repeat + 1):
        began = time.perf_counter()
        await connection.fetch(statement)
        times_ms.append((time.perf_counter() - began) * 1e3)
    return Figure(name, statistics.median(times_ms[1:]), "ms", target=LIMIT_MS, is_limit=True)


async def _run(repeat: int) -> list[Figure]:
    with open_postgres(os.environ) as server_url:
        async with open_database(server_url, f"bench_{secrets.token_hex(6)}") as url:
            await make_roles(url)
            owner_url = as_role(url, Role.OWNER)
            await migrate(owner_url)
            connection = await asyncpg.connect(owner_url)
            try:
                await furnish(connection)
            finally:
                await connection.close()
            return await measure(owner_url, repeat)


def main() -> int:
    """Print the figures; 1 when a panel takes longer than it may."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.dashboards", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--repeat", type=int, default=5, metavar="N")
    options = parser.parse_args()
    figures = asyncio.run(_run(options.repeat))
    table = Table("panel", "ms", title=f"{BEGIN:%Y-%m-%d} to {END:%Y-%m-%d}", title_justify="left")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:.1f}")
    Console().print(table)
    if options.json:
        described = {"machine": describe_machine(), "ms": {f.name: f.value for f in figures}}
        options.json.write_text(json.dumps(described, indent=1))
    return int(any(figure.value > LIMIT_MS for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
