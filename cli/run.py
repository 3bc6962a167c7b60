"""Run one service, or several consumers in one process, against addresses from the environment.

What `iotctl up` and containers start; in the foreground. A service waits for its broker and
database, logs to stderr, and ends on SIGTERM or Ctrl-C after the work that is under way. Wrong
settings: all are named, exit code 78.

Consumers that have little to do can share a process, which saves each its start and some 60 MB;
their metrics stay apart by the label `consumer`. When one gives up, the process ends with its exit
code.

Examples:
    WEIR_AMQP_URL=... WEIR_STREAM_URL=... WEIR_POSTGRES_URL=... iotctl run measurements
    WEIR_POSTGRES_URL=... WEIR_GATEWAY_TOKEN=... iotctl run gateway
    WEIR_METRICS_PORT=9100 iotctl run registry    # and Prometheus metrics on that port
    iotctl run registry logs gaps dead_letters    # in one process
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

#: What the log lines of a process with several consumers call it.
SHARED = "consumers"

Others = Annotated[
    list[str] | None,
    typer.Argument(metavar="CONSUMER", help="Other consumers, in the same process."),
]


def _add_consumer(name: str) -> None:
    def run(others: Others = None) -> None:
        _run_consumers([name, *(others or ())])

    purpose = summary(f"consumers.{name}")
    app.command(name, help=f"{purpose}\n\nExample:\n    iotctl run {name}")(run)


def _run_consumers(names: list[str]) -> None:
    known = registry.names("consumers")
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name} is no consumer, and only those share a process")
    if len(set(names)) < len(names):
        raise typer.BadParameter(f"named twice: {', '.join(names)}")
    from weir.bootstrap import CONSUMER_VARIABLES, run_consumer
    from weir.consumer import Consumer
    from weir.runtime.service import run_service

    classes = {name: registry.load("consumers", name, Consumer) for name in names}
    required = (variable for each in classes.values() for variable in each.requires)
    settings = Settings.from_env(os.environ, dict.fromkeys((*CONSUMER_VARIABLES, *required)))
    mains = {name: partial(run_consumer, each, settings) for name, each in classes.items()}
    run_service(names[0] if len(names) == 1 else SHARED, settings, mains)


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
    run_service("gateway", settings, {"gateway": partial(serve, settings)})


@app.command()
def simulator(
    *,
    devices: Annotated[int, typer.Option(metavar="N", min=1, help="How many devices.")] = 1,
    rate: Annotated[
        float | None,
        typer.Option(metavar="HZ", help="Samples a second of each device; at first 100."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep what devices are told, and what they say, here."),
    ] = None,
) -> None:
    """Run simulated vibration sensors: an edge agent with a configuration made for it.

    They take commands and configurations. Serials and passwords come from the file in
    WEIR_SIMULATOR_CREDENTIALS, as JSON.

    Example:
        WEIR_MQTT_URL=... iotctl run simulator --devices 3 --rate 1000
    """
    from producers.simulator import (
        SIMULATOR_VARIABLES,
        choose_credentials,
        read_credentials,
        simulator_main,
    )
    from weir.runtime.service import run_service

    settings = Settings.from_env(os.environ, SIMULATOR_VARIABLES)
    path = os.environ.get("WEIR_SIMULATOR_CREDENTIALS")
    credentials = choose_credentials(read_credentials(Path(path)) if path else {}, devices)
    main = partial(simulator_main, settings, credentials, rate, data)
    run_service("simulator", settings, {"simulator": main})
