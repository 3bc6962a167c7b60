"""Run and check an edge agent: what polls devices and keeps what they say until the broker has it.

Everything it does is in one YAML or JSON file, see docs/edge.md; these commands ask no gateway.

Examples:
    iotctl edge check --config edge.yaml
    iotctl edge run --config edge.yaml
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli._output import Column, Format, Output, print_note, print_rows
from weir.paths import ROOT

app = typer.Typer()

#: Files beside this one whose commands belong to this group.
_PART_PREFIX = "_edge_"

Config = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="The agent's configuration.")
]


@app.command()
def run(config: Config = Path("edge.yaml")) -> None:
    """Run an edge agent, in the foreground, until SIGTERM or Ctrl-C.

    What is not yet with the broker stays in its spool; the next start goes on with it. Logs to
    stderr, at the level in WEIR_LOG_LEVEL.

    Example:
        iotctl edge run --config edge.yaml
    """
    # A process that has not drawn tables and completed commands is a third smaller.
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    arguments = [sys.executable, "-m", "producers", "--config", str(config)]
    os.execve(sys.executable, arguments, environ)  # noqa: S606 - ourselves


@app.command()
def check(config: Config = Path("edge.yaml"), output: Output = Format.TABLE) -> None:
    """Check a configuration: form, drivers, their settings, files, passwords; asks no broker.

    Tells for how many days certificates are good. Exit code 78 when something is wrong, with a line
    for each mistake.

    Example:
        iotctl edge check --config edge.yaml
    """
    from producers.agent.check import check_certificates, check_file
    from producers.agent.file import read_file
    from weir.clock import SystemClock
    from weir.errors import ConfigError

    file = read_file(config)
    problems = check_file(file, os.environ)
    if problems:
        raise ConfigError(*problems)
    told = list(check_certificates(file, SystemClock().now()))
    rows = [
        {"serial": device.serial, "driver": device.driver, "interval_s": device.interval_s}
        for device in file.configuration.devices
    ]
    columns = [
        Column("serial", "DEVICE"),
        Column("driver", "DRIVER"),
        Column("interval_s", "EVERY (S)", "right"),
    ]
    print_rows(rows, columns, output)
    for each in told:
        print_note(each)
    print_note(f"{config} is good")


def _parts() -> list[str]:
    """Name the modules that add commands to this group; `registry.names` leaves them out."""
    return sorted(path.stem for path in Path(__file__).parent.glob(f"{_PART_PREFIX}*.py"))


for _name in _parts():
    app.registered_commands.extend(importlib.import_module(f"cli.{_name}").app.registered_commands)
