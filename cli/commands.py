"""Send commands to devices, see what becomes of them, and cancel them.

Examples:
    iotctl commands send crane-7 change_sample_frequency -p frequency_hz=50 --wait
    iotctl commands send --site harbour sleep -p duration_s=3600
    iotctl commands list --device crane-7
    iotctl commands show 01kb4x7b2m8v6qj3n5p9r0t1wy
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from cli._client import Answer, Gateway, open_gateway
from cli._command_parameters import read_parameters
from cli._command_sending import (
    PATH,
    Request,
    Tell,
    all_succeeded,
    outcome,
    request_commands,
    step_words,
    wait_for,
)
from cli._completion import complete_serial
from cli._durations import duration_s
from cli._listing import Listing
from cli._output import (
    Column,
    Format,
    Output,
    print_data,
    print_fields,
    print_note,
    print_rows,
    print_table,
    show_age,
)
from cli._watch import watchable
from weir.clock import SystemClock

app = typer.Typer()

_LISTED = 50
_STATE_STYLES = {
    "succeeded": "green",
    "failed": "red",
    "timed_out": "red",
    "expired": "yellow",
    "cancelled": "dim",
}

Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Ids of the commands.")]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="Show each step, and end with the reply; exit code 1: it failed."),
]
TimeToLive = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="How long a device may take to begin; one day by itself."),
]
Timeout = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="How long it then has to answer; a minute by itself."),
]


@app.command()
def send(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[SERIAL]... COMMAND",
            autocompletion=complete_serial,
            help="Serials of the devices, and what they are to do.",
        ),
    ],
    *,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter; repeat it."),
    ] = None,
    document: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="OBJECT", help="All parameters as JSON; - reads them from stdin."
        ),
    ] = None,
    site: Annotated[
        str | None, typer.Option(metavar="SLUG", help="All devices that are let in at this site.")
    ] = None,
    ttl: TimeToLive = None,
    timeout: Timeout = None,
    skip_refused: Annotated[
        bool,
        typer.Option(
            "--skip-refused", help="Leave out devices that refuse it, and ask the others."
        ),
    ] = False,
    wait: Wait = False,
    output: Output = Format.TABLE,
) -> None:
    """Send a command to devices.

    Each device declares what it takes, and with which parameters; where one of several refuses,
    nobody is asked. A device that is offline gets it when it comes, until --ttl is over.

    Examples:
        iotctl commands send crane-7 reboot --wait
        iotctl commands send crane-7 crane-8 change_sample_frequency -p frequency_hz=50
        iotctl commands send crane-7 set -p field=valve -p value=true --ttl 10m
        iotctl commands send --site harbour sleep --json '{"duration_s": 3600}' --skip-refused
    """
    *serials, command = words
    if bool(serials) == (site is not None):
        raise typer.BadParameter("say whom: serials before the command, or --site")
    request = Request(
        command,
        read_parameters(parameter or (), document),
        serials,
        site,
        duration_s(ttl),
        duration_s(timeout),
        skip_refused,
    )
    with open_gateway() as gateway:
        carry_out(gateway, request, output, wait=wait)


@app.command()
def ping(
    serial: Annotated[
        str,
        typer.Argument(metavar="SERIAL", autocompletion=complete_serial, help="Serial of it."),
    ],
    *,
    ttl: TimeToLive = "30s",
    output: Output = Format.TABLE,
) -> None:
    """Ask a device whether it is there, and wait for its answer; exit code 1 when none comes.

    Example:
        iotctl commands ping crane-7
    """
    with open_gateway() as gateway:
        request = Request("ping", serials=[serial], ttl_s=duration_s(ttl), timeout_s=5.0)
        (command,) = wait_for(gateway, request_commands(gateway, request), lambda *_: None)
    if output.is_for_programs:
        print_data(command, output)
    elif all_succeeded([command]):
        took = _instant(command["ended_at"]) - _instant(command["requested_at"])
        typer.echo(f"{serial} has answered in {took.total_seconds() * 1_000:.0f} ms")
    else:
        print_note(f"{serial} has not answered: {outcome(command)}")
    if not all_succeeded([command]):
        raise typer.Exit(1)


@app.command("list")
@watchable
def list_commands(
    *,
    device: Annotated[
        str | None,
        typer.Option(metavar="SERIAL", autocompletion=complete_serial, help="Only of this device."),
    ] = None,
    site: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only of devices of this site.")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="requested, sent, delivered, succeeded, failed, ..."),
    ] = None,
    command: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only commands of this name.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what was requested together.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Requested at or after: 2h, 2026-11-03.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Requested before.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most N commands.")] = _LISTED,
    output: Output = Format.TABLE,
) -> None:
    """List commands, newest first.

    Examples:
        iotctl commands list --state sent
        iotctl commands list --device crane-7 --since 1d -o json
    """
    wanted = {
        "device": device,
        "site": site,
        "state": state,
        "command": command,
        "group": group,
        "since": since,
        "until": until,
    }
    Listing(PATH, "commands", "commands", "newest").show(wanted, _columns(), limit, output)


@app.command()
@watchable
def show(
    command: Annotated[str, typer.Argument(metavar="ID", help="Id of the command.")],
    output: Output = Format.TABLE,
) -> None:
    """Show one command, its steps and what came of it.

    Example:
        iotctl commands show 01kb4x7b2m8v6qj3n5p9r0t1wy
    """
    with open_gateway() as gateway:
        print_command(gateway.get(f"{PATH}/{command}"), output)


@app.command()
def cancel(commands: Ids, output: Output = Format.TABLE) -> None:
    """Cancel commands that their devices do not have yet.

    One that was sent may be carried out all the same: then it shows a late answer.

    Example:
        iotctl commands cancel 01kb4x7b2m8v6qj3n5p9r0t1wy
    """
    with open_gateway() as gateway:
        cancelled = [gateway.post(f"{PATH}/{command}/cancel") for command in commands]
    print_rows(cancelled, _columns(), output)


def carry_out(gateway: Gateway, request: Request, output: Format, *, wait: bool) -> None:
    """Request a command, print what was requested or, with `wait`, what came of it.

    Raises:
        Exit: with `wait`: not all have succeeded.
        WeirError: the gateway is away, or refuses.
    """
    commands = request_commands(gateway, request)
    if wait:
        try:
            commands = wait_for(gateway, commands, _tell(names_devices=len(commands) > 1))
        except KeyboardInterrupt:
            print_note("not waiting any more; it goes on: iotctl commands list")
            raise
    if wait and len(commands) == 1:
        print_command(commands[0], output)
    else:
        print_rows(commands, _columns(), output)
    if wait and not all_succeeded(commands):
        raise typer.Exit(1)


def print_command(command: Answer, output: Format) -> None:
    """Print one command with its steps."""
    if output.is_for_programs:
        print_data(command, output)
        return
    fields = {name.replace("_", " "): _shown(value) for name, value in command.items()}
    steps = fields.pop("steps")
    print_fields(fields)
    typer.echo()
    rows = [{**step, "words": step_words(step)} for step in steps]
    print_table(rows, _STEP_COLUMNS)


_STEP_COLUMNS = (Column("at", "TIME"), Column("words", "STEP"), Column("actor", "BY"))


def _shown(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _columns() -> Sequence[Column]:
    return (
        Column("id", "ID"),
        Column("serial", "DEVICE"),
        Column("command", "COMMAND"),
        Column("state", "STATE", styles=_STATE_STYLES),
        Column("requested_at", "REQUESTED", "right", show_age(SystemClock().now())),
        Column("requested_by", "BY"),
        Column("error", "ERROR"),
    )


def _tell(*, names_devices: bool) -> Tell:
    def tell(command: Answer, step: Answer) -> None:
        whose = f"{command['serial']}: " if names_devices else ""
        clock = _instant(step["at"]).astimezone().strftime("%H:%M:%S")
        print_note(f"{clock}  {whose}{step_words(step)}")

    return tell


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
