"""How long a reading takes from its publish until a query finds it."""

import asyncio
import time
from urllib.parse import unquote, urlsplit

from rstream import Producer

from benchmarks.messages import as_stored
from benchmarks.servers import Site
from weir.clock import SystemClock, from_us, to_us
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements

SERIAL = "probe-1"
ASK_INTERVAL_S = 0.001
WAIT_MAX_S = 10.0

_FIND = """
    SELECT 1 FROM reading JOIN series USING (series_id) JOIN device USING (device_id)
    WHERE serial = $1 AND observed_at = $2
    """


async def probe_waits_ms(site: Site, stream: str, *, seconds: float) -> list[float]:
    """Publish a reading, wait until a query finds it, and again: milliseconds of each.

    Raises:
        TimeoutError: one was not found within 10 s.
    """
    address = urlsplit(site.broker.stream_url)
    waits_ms = []
    async with Producer(
        address.hostname or "",
        address.port or 5552,
        username=unquote(address.username or ""),
        password=unquote(address.password or ""),
        vhost=unquote(address.path.removeprefix("/")) or "/",
    ) as producer:
        ends_at = time.perf_counter() + seconds
        while time.perf_counter() < ends_at:
            observed_us = to_us(SystemClock().now())
            readings = FieldReadings("probe", [observed_us], [1.0])
            message = as_stored(SERIAL, encode_measurements(BatchHeader(), [readings]))
            published_at = time.perf_counter()
            await producer.send_batch(stream, [message])
            async with asyncio.timeout(WAIT_MAX_S):
                found = (_FIND, SERIAL, from_us(observed_us))
                while not await site.pool.fetchval(*found):  # noqa: ASYNC110 - it is a database
                    await asyncio.sleep(ASK_INTERVAL_S)
            waits_ms.append((time.perf_counter() - published_at) * 1e3)
    return waits_ms
