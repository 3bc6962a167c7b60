"""A process that runs one consumer, and on SIGTERM says what it cost.

python -m benchmarks.writer NAME       (addresses from the environment, as `iotctl run`)
"""

import asyncio
import json
import os
import resource
import signal
import sys

import uvloop

from weir.bootstrap import run_consumer
from weir.config import Settings
from weir.consumer import Consumer
from weir.log import configure_logging
from weir.registry import load


async def _main(name: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings.from_env(os.environ)
    await run_consumer(load("consumers", name, Consumer), settings, stop)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cost = {"cpu_s": usage.ru_utime + usage.ru_stime, "rss_mb_max": usage.ru_maxrss / 1024}
    print(json.dumps(cost), flush=True)  # noqa: T201


if __name__ == "__main__":
    configure_logging("warning", sys.argv[1])
    uvloop.run(_main(sys.argv[1]))
