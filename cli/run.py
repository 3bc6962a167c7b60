"""Run one service, against addresses from the environment.

What `iotctl up` and containers start; in the foreground. A service waits for its broker and
database, logs to stderr, and ends on SIGTERM or Ctrl-C after the work that is under way. Wrong
settings: all are named, exit code 78.

Examples:
    WEIR_AMQP_URL=... WEIR_STREAM_URL=... WEIR_POSTGRES_URL=... iotctl run measurements
    WEIR_POSTGRES_URL=... WEIR_GATEWAY_TOKEN=... iotctl run gateway
    WEIR_METRICS_PORT=9100 iotctl run registry    # and Prometheus metrics on that port
"""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli._loading import summary
from weir import registry
from weir.config import Settings

app = typer.Typer()

#: Enough to see a sine of a few hertz, little enough for any machine.
SIMULATED_RATE_HZ = 100.0


def _add_consumer(name: str) -> None:
    def run() -> None:
        from weir.bootstrap import CONSUMER_VARIABLES, run_consumer
        from weir.consumer import Consumer
        from weir.runtime.service import run_service

        consumer_class = registry.load("consumers", name, Consumer)
        wanted = (*CONSUMER_VARIABLES, *consumer_class.requires)
        settings = Settings.from_env(os.environ, wanted)
        run_service(name, settings, partial(run_consumer, consumer_class, settings))

    purpose = summary(f"consumers.{name}")
    app.command(name, help=f"{purpose}\n\nExample:\n    iotctl run {name}")(run)


for _name in sorted(registry.names("consumers")):
    _add_consumer(_name)


@app.command()
def gateway() -> None:
    """Serve the HTTP API.

    With WEIR_AMQP_URL it can also replay dead letters.

    Example:
        WEIR_POSTGRES_URL=... WEIR_GATEWAY_TOKEN=... WEIR_GATEWAY_PORT=8080 iotctl run gateway
    """
    from gateway.server import GATEWAY_VARIABLES, serve
    from weir.runtime.service import run_service

    settings = Settings.from_env(os.environ, GATEWAY_VARIABLES)
    run_service("gateway", settings, partial(serve, settings))


@app.command()
def simulator(
    *,
    devices: Annotated[int, typer.Option(metavar="N", min=1, help="How many devices.")] = 1,
    rate: Annotated[
        float, typer.Option(metavar="HZ", help="Samples a second of each device.")
    ] = SIMULATED_RATE_HZ,
) -> None:
    """Run simulated vibration sensors.

    Serials and passwords come from the file in WEIR_SIMULATOR_CREDENTIALS, as JSON.

    Example:
        WEIR_MQTT_URL=... iotctl run simulator --devices 3 --rate 1000
    """
    from producers.simulator import SIMULATOR_VARIABLES, read_credentials, simulator_main
    from weir.runtime.service import run_service

    settings = Settings.from_env(os.environ, SIMULATOR_VARIABLES)
    path = os.environ.get("WEIR_SIMULATOR_CREDENTIALS")
    credentials = read_credentials(Path(path)) if path else {}
    main = partial(simulator_main, settings, devices, rate, credentials)
    run_service("simulator", settings, main)
