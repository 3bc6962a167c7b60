"""Measure queries over a year of data on daily partitions: a table, and JSON.

    python -m benchmarks.queries [--json FILE] [--repeat N]

An answer is timed as the gateway gets it (planned, read and composed), and the server's part of it
by the server; on warm connections. The medians are shown. The export is timed against
`COPY (SELECT ...) TO STDOUT` of the same rows.
"""

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.table import Table

from benchmarks import query_data
from benchmarks.machine import describe_machine
from benchmarks.query_data import BEGIN, END, EXPORTED_DAYS
from benchmarks.scenarios import Figure
from gateway.formats import formats
from gateway.tables import READINGS_SCHEMA, readings_table
from weir.clock import to_us
from weir.model.query import BucketQuestion, Function, Resolution
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.postgres.queries import raw_downloads
from weir.postgres.queries.asking import Asked, settle
from weir.postgres.queries.bucket_plan import plan_buckets
from weir.postgres.queries.buckets import read_page
from weir.postgres.queries.lanes import LAST_INSTANT, lanes_of, starts_after
from weir.postgres.queries.parts import PartsQuestion, parts_statement
from weir.postgres.queries.readings import read_ascending
from weir.postgres.queries.series import Series, find_series, summarise_series
from weir.testing.databases import open_database
from weir.testing.servers import open_postgres
from weir.timeseries.composing import columns_for

_EXPORTS = 3
_ROWS_MAX = 100_000
_YEAR = (Function.AVG, Function.MIN, Function.MAX)


async def measure(pool: asyncpg.Pool, repeat: int) -> list[Figure]:
    """Fill an empty, migrated database and give all figures."""
    async with pool.acquire() as connection:
        await query_data.make_partitions(connection)
        await query_data.fill_hourly(connection, "hourly", 10)
        await query_data.fill_hourly(connection, "wide", 64)
        await query_data.fill_every_second(connection, "fast")
        await connection.execute("VACUUM ANALYZE")
    hourly = await find_series(pool, ["hourly"], [])
    fast = await find_series(pool, ["fast"], [])
    return [
        await _in_database("year, hourly, 1 series, in the database", repeat, pool, hourly[:1], 10),
        await _in_database("year, hourly, 10 series, in the database", repeat, pool, hourly, 50),
        await _timed("year, hourly, 1 series, answered", repeat, lambda: _year(pool, hourly[:1])),
        await _timed("year, hourly, 10 series, answered", repeat, lambda: _year(pool, hourly)),
        await _timed("year of 1 Hz, auto", repeat, lambda: _auto(pool, fast), 50),
        await _timed("page of 1 000 raw readings", repeat, lambda: _raw(pool, fast)),
        await _timed("newest of 64 series", repeat, lambda: summarise_series(pool, "wide")),
        *await _exports(pool, fast),
    ]


async def _year(pool: asyncpg.Pool, series: list[Series]) -> object:
    question = BucketQuestion(BEGIN, END, Resolution.HOUR, _YEAR)
    return await read_page(pool, series, question, None, _ROWS_MAX)


async def _in_database(
    name: str, repeat: int, pool: asyncpg.Pool, series: list[Series], target_ms: float
) -> Figure:
    """Let the server time its part of `_year`: planning and running, without sending rows."""
    question = BucketQuestion(BEGIN, END, Resolution.HOUR, _YEAR)
    since_us, until_us = to_us(BEGIN), to_us(END)
    times_ms = []
    async with pool.acquire() as connection:
        plan = await plan_buckets(connection, series, question)
        statement = parts_statement(
            PartsQuestion(
                group.ids,
                plan.segments(group, since_us, until_us),
                columns_for(_YEAR),
                group.stretch_us,
            )
            for group in plan.groups
        )
        for _ in range(repeat + 1):
            text = await connection.fetchval(
                f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT json) {statement}"
            )
            (told,) = json.loads(text)
            times_ms.append(told["Planning Time"] + told["Execution Time"])
    return Figure(name, statistics.median(times_ms[1:]), "ms", target=target_ms, is_limit=True)


async def _auto(pool: asyncpg.Pool, series: list[Series]) -> object:
    question = await settle(pool, series, Asked(since=BEGIN, until=END), END)
    return await read_page(pool, series, question, None, _ROWS_MAX)


async def _raw(pool: asyncpg.Pool, series: list[Series]) -> object:
    lanes = lanes_of(each.series_id for each in series)
    return await read_ascending(pool, starts_after(lanes, BEGIN, None), LAST_INSTANT, 1_000)


async def _timed(
    name: str, repeat: int, ask: Callable[[], Awaitable[object]], target_ms: float | None = None
) -> Figure:
    await ask()
    times_ms = []
    for _ in range(repeat):
        started = time.perf_counter()
        await ask()
        times_ms.append((time.perf_counter() - started) * 1e3)
    is_limit = target_ms is not None
    return Figure(name, statistics.median(times_ms), "ms", target=target_ms, is_limit=is_limit)


async def _exports(pool: asyncpg.Pool, series: list[Series]) -> list[Figure]:
    ceiling = statistics.median([await _copy_rate(pool, series[0]) for _ in range(_EXPORTS)])
    figures = [Figure("COPY (SELECT ...) TO STDOUT", ceiling, "rows/s")]
    for name in formats():
        rates = [await _export_rate(pool, series, name) for _ in range(_EXPORTS)]
        rate = statistics.median(rates)
        figures.append(Figure(f"export as {name}", rate, "rows/s", ceiling, 0.5))
    return figures


async def _copy_rate(pool: asyncpg.Pool, series: Series) -> float:
    async def take(_: bytes) -> None:
        pass

    statement = (
        f"SELECT observed_at, value FROM reading WHERE series_id = {series.series_id} "  # noqa: S608
        "ORDER BY observed_at"
    )
    started = time.perf_counter()
    async with pool.acquire() as connection:
        await connection.copy_from_query(statement, output=take)
    return EXPORTED_DAYS * 86_400 / (time.perf_counter() - started)


async def _export_rate(pool: asyncpg.Pool, series: list[Series], name: str) -> float:
    """Write a file as the gateway does, without sending it."""
    started = time.perf_counter()
    writer = formats()[name].open_writer(READINGS_SCHEMA)
    size = 0
    question = raw_downloads.RawQuestion(BEGIN, LAST_INSTANT)
    async for piece in raw_downloads.download(pool, series, question):
        size += len(await asyncio.to_thread(writer.write, readings_table(piece)))
    size += len(writer.close())
    return EXPORTED_DAYS * 86_400 / (time.perf_counter() - started)


async def _run(repeat: int) -> list[Figure]:
    with open_postgres(os.environ) as server_url:
        async with open_database(server_url, f"bench_{secrets.token_hex(4)}") as url:
            await migrate(url)
            async with open_pool(url) as pool:
                return await measure(pool, repeat)


def _table(figures: list[Figure]) -> Table:
    table = Table("what", "figure", "unit", "of COPY", "target", "met")
    for figure in figures:
        sign = "at most" if figure.is_limit else "at least"
        table.add_row(
            figure.name,
            f"{figure.value:,.1f}",
            figure.unit,
            f"{figure.ratio:.2f}" if figure.ratio else "",
            f"{sign} {figure.target:g}" if figure.target else "",
            ("yes" if figure.is_met else "NO") if figure.target else "",
        )
    return table


def main() -> None:
    """Measure; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queries", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--repeat", type=int, default=30)
    arguments = parser.parse_args()
    machine = describe_machine()
    console = Console()
    console.print(machine.sentence)
    figures = asyncio.run(_run(arguments.repeat))
    console.print(_table(figures))
    if arguments.json:
        report = {"machine": asdict(machine), "figures": [asdict(each) for each in figures]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    sys.exit(0 if all(figure.is_met for figure in figures) else 1)


if __name__ == "__main__":
    main()
