"""Tell whether a service is well: `python -m weir.healthcheck`, for containers and for probes.

Asks the metrics endpoint at `WEIR_METRICS_PORT`, which answers from a thread of its own, and looks
at the heartbeat in it: an event loop that hangs still has a process, a port and connections. With
`--ready` it asks the gateway at `WEIR_GATEWAY_PORT` whether it can serve requests. The exit code is
0 or 1.

Only the standard library: this runs every some seconds, beside every service.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from urllib.request import urlopen

HEARTBEAT = "weir_heartbeat_timestamp_seconds"
#: Longer than a commit may hold up the loop, shorter than anybody wants to wait for a restart.
HEARTBEAT_AGE_S_MAX = 60.0
TIMEOUT_S = 5.0
ANSWER_BYTES_MAX = 1024 * 1024


def main() -> None:
    """Print what is wrong and exit with 1, or exit with 0."""
    if "--ready" in sys.argv[1:]:
        problem = readiness(os.environ)
    else:
        problem = liveness(os.environ, time.time)  # noqa: TID251 - what is asked has the same clock
    if problem:
        sys.exit(f"unhealthy: {problem}")


def liveness(environ: Mapping[str, str], now_s: Callable[[], float]) -> str:
    """Say what is wrong with the service whose metrics are where `environ` says, or nothing."""
    port = environ.get("WEIR_METRICS_PORT", "")
    if not port:
        return "WEIR_METRICS_PORT is not set"
    text, problem = _get(f"http://127.0.0.1:{port}/metrics")
    if problem:
        return problem
    beats = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(HEARTBEAT)]
    if not beats:
        return f"there is no {HEARTBEAT} in the metrics"
    age_s = now_s() - float(beats[0])
    if age_s > HEARTBEAT_AGE_S_MAX:
        return f"the event loop has not run for {age_s:.0f} s"
    return ""


def readiness(environ: Mapping[str, str]) -> str:
    """Say why the gateway cannot serve requests; nothing: it can."""
    return _get(f"http://127.0.0.1:{environ.get('WEIR_GATEWAY_PORT') or 8080}/readyz")[1]


def _get(url: str) -> tuple[str, str]:
    try:
        with urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - always http, always here
            return answer.read(ANSWER_BYTES_MAX).decode("utf-8", "replace"), ""
    except (OSError, HTTPException) as error:
        return "", f"{url}: {error}"


if __name__ == "__main__":
    main()
