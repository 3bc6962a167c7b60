"""Leaves `iotctl up` running in the background, once everything is ready."""

import subprocess
import sys
import time

import typer

from cli._stack_view import addresses, headline
from weir.embedded.layout import Layout
from weir.embedded.part_log import open_log
from weir.embedded.process import tail
from weir.embedded.run import SUPERVISOR_LOG
from weir.embedded.stack import StackOptions
from weir.embedded.state import StackState, read_state
from weir.errors import ProcessError
from weir.paths import ROOT

#: A first start on a slow machine takes a minute.
READY_TIMEOUT_S = 180.0
POLL_INTERVAL_S = 0.1
#: The output of the detached process: its own errors, and a line for each change.
OUTPUT_LOG = "up"


def start_detached(options: StackOptions) -> None:
    """Start the system in a session of its own, and return when it is ready.

    Raises:
        ProcessError: it does not become ready; it is left running.
        typer.Exit: it ended; its output was printed, and its exit code is ours.
    """
    layout = Layout(options.folder)
    layout.make()
    output = layout.log(OUTPUT_LOG)
    output.unlink(missing_ok=True)
    with open_log(output) as log:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            _command(options),
            env={**options.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_TIMEOUT_S
    while (state := _own_state(options, process.pid)) is None or not state.is_ready:
        exit_code = process.poll()
        if exit_code is not None:
            typer.echo(tail(output), err=True)
            raise typer.Exit(exit_code or 1)
        if time.monotonic() > deadline:
            what = headline(state) if state else "preparing"
            raise ProcessError(
                f"not ready after {READY_TIMEOUT_S:g} s: {what}; it is left running, "
                f"see `iotctl status` and {layout.log(SUPERVISOR_LOG)}"
            )
        time.sleep(POLL_INTERVAL_S)
    typer.echo(f"ready, in the background (pid {process.pid}); `iotctl down` stops it")
    for name, address, credentials in addresses(state):
        typer.echo(f"{name:<14}{address}  ({credentials})")


def _own_state(options: StackOptions, pid: int) -> StackState | None:
    """Read the state, unless it is still that of an earlier supervisor."""
    state = read_state(options.folder)
    return state if state and state.supervisor.pid == pid else None


def _command(options: StackOptions) -> list[str]:
    command = [sys.executable, "-m", "weir", "up", "--data", str(options.folder)]
    command += ["--simulate", str(options.simulated_count)]
    if options.rate_hz is not None:
        command += ["--rate", f"{options.rate_hz:g}"]
    for name, port in options.ports.items():
        command += ["--port", f"{name}={port}"]
    return command
