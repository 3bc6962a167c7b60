"""Drive a fleet of simulated devices with faults, and check what the server made of it.

The broker is the one in WEIR_MQTT_URL and WEIR_MANAGEMENT_URL, else that of `iotctl up` on this
machine. An account that may publish for all devices of the fleet is made, and taken away at the
end.

Examples:
    iotctl simulate --devices 1000 --rate 1 --duration 10m --account fleet.jsonl
    iotctl simulate --devices 100 --faults late=1%,duplicate=0.5%,missing=0.5% --seed 7
    iotctl simulate verify fleet.jsonl
"""

import asyncio
import os
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli._output import Column, Format, Output, print_data, print_fields, print_note, print_table
from weir.errors import ConfigError

app = typer.Typer()

_EACH = "each"
CONNECTION_COUNT = 4
CONNECTION_COUNT_MAX = 1_000
DURATION_S_MAX = 31 * 86_400.0
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_UNITS_S = (86_400, 3_600, 60, 1)
#: Between two looks at a server that is still behind.
_LOOK_AGAIN_S = 2.0

_CHECK_COLUMNS = (
    Column("check", "CHECK"),
    Column("expected", "EXPECTED", "right"),
    Column("found", "FOUND", "right"),
    Column("problems", "PROBLEMS", "right"),
    Column("verdict", "VERDICT", styles={"good": "green", "bad": "red"}),
)


@app.callback(invoke_without_command=True)
def simulate(
    context: typer.Context,
    *,
    devices: Annotated[int, typer.Option(metavar="N", help="How many devices.")] = 100,
    rate: Annotated[float, typer.Option(metavar="HZ", help="Readings a second of each.")] = 1.0,
    faults: Annotated[
        str,
        typer.Option(
            metavar="NAME=SHARE,...",
            help="late, duplicate, out_of_order, missing, garbage: late=1%,garbage=0.001",
        ),
    ] = "",
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="The same: the same values and faults.")
    ] = 1,
    duration: Annotated[
        str, typer.Option(metavar="TIME", help="Then it stops by itself: 90s, 10m, 1h30m.")
    ] = "60s",
    connections: Annotated[
        str, typer.Option(metavar="N|each", help="Shared by all devices; or one for each.")
    ] = str(CONNECTION_COUNT),
    prefix: Annotated[str, typer.Option(metavar="TEXT", help="Serials begin with it.")] = "fleet-",
    account: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was sent, for verify.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Send readings of many devices, and account for each.

    Example:
        iotctl simulate --devices 1000 --rate 1 --seed 7 --account fleet.jsonl
    """
    if context.invoked_subcommand is not None:
        return
    from cli._fleet_broker import find_broker
    from cli._fleet_run import Run, end_live_line, new_boot_id, run
    from producers.fleet.faults import parse_faults
    from producers.fleet.plan import FleetPlan
    from weir.log import configure_logging

    plan = FleetPlan(devices, rate, seed, prefix, new_boot_id(), parse_faults(faults))
    wanted = Run(plan, _connections(connections), _seconds(duration), account)
    broker = find_broker(os.environ)
    configure_logging("WARNING", "simulate")
    ran = asyncio.run(run(broker, wanted))
    end_live_line()
    _print_totals(ran.totals, ran.seconds, output)
    if account is not None:
        print_note(f"iotctl simulate verify {account}")
    if ran.failure is not None:
        raise ran.failure


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What --account has written.")],
    *,
    wait: Annotated[
        float, typer.Option(metavar="S", min=0, help="For so long the server may be behind.")
    ] = 30.0,
    output: Output = Format.TABLE,
) -> None:
    """Check a server against the account of a fleet, through its gateway.

    Every acknowledged reading is stored once with its value and nothing else is; batches that were
    left out are shown as missing; garbage is kept as dead letters. Exit code 1 when not.

    Example:
        iotctl simulate verify fleet.jsonl --wait 60
    """
    from cli._client import open_gateway
    from cli._fleet_server import GatewayServer
    from cli._progress import share_bar
    from producers.fleet.account import AccountFile
    from producers.fleet.verifying import verify as compare

    account = AccountFile(file)
    device_count = max(len(account.serials), 1)
    deadline = time.monotonic() + wait
    with open_gateway() as gateway:
        while True:
            with share_bar("devices") as show:
                report = compare(
                    account, GatewayServer(gateway), lambda done: show(done / device_count)
                )
            if report.is_good or time.monotonic() > deadline:
                break
            time.sleep(_LOOK_AGAIN_S)
    _print_report(report, output)
    if account.totals is None:
        print_note(f"{file} ends early: it is no account of all that was sent")
    if not report.is_good:
        raise typer.Exit(1)


def _print_totals(totals: Any, seconds: float, output: Format) -> None:
    rate_per_s = totals.readings_acknowledged / seconds
    counts = asdict(totals)
    if output.is_for_programs:
        print_data({**counts, "seconds": seconds, "readings_per_s": rate_per_s}, output)
        return
    faults = counts.pop("faults")
    print_fields(
        {
            **{name.replace("_", " "): count for name, count in counts.items()},
            **{f"of them {name.replace('_', ' ')}": count for name, count in faults.items()},
            "seconds": round(seconds, 1),
            "readings/s": round(rate_per_s, 1),
        }
    )


def _print_report(report: Any, output: Format) -> None:
    rows = [
        {
            "check": check.name,
            "expected": check.expected,
            "found": check.found,
            "problems": check.problem_count,
            "verdict": "good" if check.is_good else "bad",
        }
        for check in report.checks
    ]
    if output.is_for_programs:
        quoted = {check.name: check.problems for check in report.checks}
        details = {"is_good": report.is_good, "uncertain_readings": report.uncertain_count}
        print_data({**details, "checks": rows, "problems": quoted}, output)
        return
    print_table(rows, _CHECK_COLUMNS)
    for check in report.checks:
        for problem in check.problems:
            print_note(problem)
    if report.uncertain_count:
        print_note(
            f"{report.uncertain_count} readings were sent and not acknowledged: "
            "they may be stored or not"
        )


def _connections(text: str) -> int:
    if text == _EACH:
        return 0
    if text.isdigit() and 1 <= int(text) <= CONNECTION_COUNT_MAX:
        return int(text)
    raise ConfigError(f"--connections {text}: from 1 to {CONNECTION_COUNT_MAX}, or {_EACH}")


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    parts = [float(part or 0) for part in match.groups()] if match and text else [0.0]
    seconds = sum(part * unit_s for part, unit_s in zip(parts, _UNITS_S, strict=False))
    if not 0 < seconds <= DURATION_S_MAX:
        raise ConfigError(f"--duration {text}: as 90s, 10m or 1h30m, at most 31d")
    return seconds
