"""A process that runs one consumer, and on SIGTERM says what it cost.

python -m benchmarks.writer NAME       (addresses from the environment, as `iotctl run`)
"""

import json
import os
import resource
import sys
from functools import partial

from weir.bootstrap import run_consumer
from weir.config import Settings
from weir.consumer import Consumer
from weir.registry import load
from weir.runtime.service import run_service


def main(name: str) -> None:
    """Run the consumer as the command does, then print processor time and memory as JSON."""
    settings = Settings.from_env({**os.environ, "WEIR_LOG_LEVEL": "warning"})
    consumer_class = load("consumers", name, Consumer)
    run_service(name, settings, {name: partial(run_consumer, consumer_class, settings)})
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cost = {"cpu_s": usage.ru_utime + usage.ru_stime, "rss_mb_max": usage.ru_maxrss / 1024}
    print(json.dumps(cost), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
