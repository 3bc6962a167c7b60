"""A process that publishes over the stream protocol as fast as the broker takes it.

    python -m benchmarks.stream_load URL STREAM SHAPE COUNT READINGS DEVICES START_US [RATE]

`SHAPE`: `batches` (many readings of one field), `polls` (one reading of many fields), `live` (a
second of each device) or `late` (the same with some readings of the year before). `RATE`: messages
a second; 0 or nothing: as fast as possible.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote, urlsplit

from rstream import Producer

from benchmarks.messages import as_stored, batches, live_batches, polls

BATCH_MESSAGES = 500
PACED_INTERVAL_S = 0.005


async def _main(url: str, stream: str, messages: Iterator[bytes], count: int, rate: float) -> None:
    address = urlsplit(url)
    async with Producer(
        address.hostname or "",
        address.port or 5552,
        username=unquote(address.username or ""),
        password=unquote(address.password or ""),
        vhost=unquote(address.path.removeprefix("/")) or "/",
    ) as producer:
        print("ready", flush=True)  # noqa: T201 - what the parent waits for
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        started = time.perf_counter()
        sent = 0
        while sent < count:
            up_to = sent + BATCH_MESSAGES
            if rate:
                await asyncio.sleep(PACED_INTERVAL_S)
                up_to = int((time.perf_counter() - started) * rate)
            if up_to > sent:
                chunk = list(islice(messages, up_to - sent))
                await producer.send_batch(stream, chunk)
                sent += len(chunk)
        elapsed_s = time.perf_counter() - started
    print(json.dumps({"messages": count, "seconds": elapsed_s}), flush=True)  # noqa: T201


def _encoded(shape: str, count: int, readings: int, devices: int, start_us: int) -> Iterator[bytes]:
    if shape == "polls":
        made = polls(count, field_count=readings, device_count=devices, start_us=start_us)
    elif shape in {"live", "late"}:
        made = live_batches(
            count,
            reading_count=readings,
            device_count=devices,
            start_us=start_us,
            is_late=shape == "late",
        )
    else:
        made = batches(count, reading_count=readings, device_count=devices, start_us=start_us)
    return (as_stored(serial, body) for serial, body in made)


if __name__ == "__main__":
    _url, _stream, _shape, *_numbers = sys.argv[1:]
    _counts = [int(number) for number in _numbers[:4]]
    _rate = float(_numbers[4]) if len(_numbers) > 4 else 0.0  # noqa: PLR2004 - the last argument
    _messages = _encoded(_shape, *_counts)
    if not _rate:
        # At full speed everything is encoded before the clock starts; at a rate there is time.
        _messages = iter(list(_messages))
    asyncio.run(_main(_url, _stream, _messages, _counts[0], _rate))
