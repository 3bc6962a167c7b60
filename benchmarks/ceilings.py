"""What the database and the broker do alone: the ceilings that our figures are shares of."""

import asyncio
import time
from contextlib import suppress

import numpy as np

from benchmarks.servers import Site, worker
from weir.postgres.pool import transaction
from weir.postgres.rows import Rows
from weir.postgres.staging import copy_numbers
from weir.rabbitmq.stream_reader import open_stream

COPY_ROWS = 50_000
COPY_COUNT = 12
#: Series of the ceilings: far from those that a writer enrols.
SERIES_ID_MIN = 1_000_000


async def copy_rows_per_s(site: Site, start_us: int, *, series_count: int) -> float:
    """Measure sorted binary COPY into `reading`, in transactions of 50 000 rows of many series.

    Buffers are built outside the clock: this is PostgreSQL, fed by one connection.
    """
    per_series = COPY_ROWS // series_count
    elapsed_s = 0.0
    for number in range(COPY_COUNT):
        first_us = start_us + number * per_series * 1_000
        times = np.tile(np.arange(per_series, dtype=np.int64) * 1_000 + first_us, series_count)
        series = np.repeat(np.arange(series_count, dtype=np.int32) + SERIES_ID_MIN, per_series)
        rows = Rows(series, times, np.random.default_rng(number).normal(size=len(series)))
        started = time.perf_counter()
        async with transaction(site.pool) as connection:
            await copy_numbers(connection, "reading", rows)
        elapsed_s += time.perf_counter() - started
    return COPY_COUNT * per_series * series_count / elapsed_s


async def mqtt_messages_per_s(
    site: Site, stream: str, count: int, start_us: int, *, offset: int = 0
) -> float:
    """Measure the broker from MQTT to a raw reader of the stream, which does nothing else.

    `offset`: how many messages the stream has already.
    """
    load_arguments = (site.broker.mqtt_url, count, start_us)
    async with worker("benchmarks.mqtt_load", *load_arguments) as load:
        await load.wait_ready()
        async with open_stream(site.broker.stream_url, stream, offset) as reader:
            load.begin()
            started = time.perf_counter()
            read_count = 0
            while read_count < count:
                read_count += len((await reader.next_chunk()).messages)
            elapsed_s = time.perf_counter() - started
        with suppress(asyncio.CancelledError):
            await load.result()
    return count / elapsed_s
