"""Find out what is wrong, and the command that mends it.

Looks at broker, topology, queues, consumers, dead letters, database, disk, clocks, versions,
certificates, and whether strangers may connect; adds what only this machine can see. On the machine
of a running `iotctl up`, or with the addresses of the services in the environment, it looks itself;
elsewhere it asks the gateway, for which one has to be an operator.

Exit code 0 when nothing is wrong, 10 when there are warnings only, 1 when something has failed.

Examples:
    iotctl doctor
    iotctl doctor --all
    iotctl doctor -o json
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli._client import open_gateway
from cli._gateway_address import GatewayAddress, data_folder, find_gateway
from cli._output import Column, Format, Output, print_note, print_rows
from cli._watch import watchable
from weir.clock import SystemClock
from weir.errors import GatewayUnavailableError, WeirError

EXIT_FAILED = 1
_START_GATEWAY = "iotctl up, or on its machine: iotctl run gateway"
EXIT_WARNED = 10
_DIRECT_VARIABLES = ("WEIR_POSTGRES_URL", "WEIR_AMQP_URL")
_STYLES = {"ok": "green", "skipped": "dim", "warning": "yellow", "failure": "bold red"}
_COLUMNS = (
    Column("state", "STATE", styles=_STYLES),
    Column("check", "CHECK"),
    Column("subject", "WHAT"),
    Column("message", "HOW IT IS"),
    Column("remedy", "MEND IT WITH"),
)
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was found out about the installation; without a gateway the rest is None."""

    findings: Sequence[Row]
    url: str | None = None
    version: str | None = None
    time: datetime | None = None


@watchable
def command(
    *,
    is_all: Annotated[
        bool, typer.Option("--all", "-a", help="Show what is well, and what was skipped, too.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder that was given to iotctl up.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Find out what is wrong, and the command that mends it."""
    folder = (data or data_folder(os.environ)).resolve()
    addresses = _addresses(folder)
    asked = _look(addresses) if addresses else _ask()
    rows = [*asked.findings, *_look_around(folder, asked)]
    states = [str(row["state"]) for row in rows]
    shown = rows if is_all or output.is_for_programs else _wrong(rows)
    if shown or output.is_for_programs:
        print_rows(shown, _COLUMNS, output)
    failures, warnings = states.count("failure"), states.count("warning")
    print_note(f"{len(rows)} looked at: {failures} failures, {warnings} warnings")
    if code := exit_code_of(states):
        raise typer.Exit(code)


def exit_code_of(states: Sequence[str]) -> int:
    """Tell the exit code that findings in these states leave."""
    if "failure" in states:
        return EXIT_FAILED
    return EXIT_WARNED if "warning" in states else 0


def _wrong(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["state"] in {"failure", "warning"}]


def _addresses(folder: Path) -> Mapping[str, str]:
    """Find the addresses with which this machine can look itself; none: it has to ask."""
    if all(os.environ.get(name) for name in _DIRECT_VARIABLES):
        return dict(os.environ)
    if os.environ.get("WEIR_GATEWAY_URL") or os.environ.get("WEIR_CONTEXT"):
        return {}
    if not os.access(folder / "secrets", os.R_OK | os.X_OK):
        return {}
    from weir.embedded.addresses import running_addresses

    return running_addresses(folder, os.environ)


def _look(addresses: Mapping[str, str]) -> _Asked:
    from weir.config import Settings
    from weir.doctor.direct import examine_directly

    found = asyncio.run(examine_directly(Settings.from_env(addresses)))
    rows: list[Row] = [asdict(finding) for finding in found]
    url = addresses.get("WEIR_GATEWAY_URL")
    if url:
        rows.append(_look_at_gateway(GatewayAddress(url, "")))
    return _Asked(rows, url)


def _look_at_gateway(address: GatewayAddress) -> Row:
    try:
        with open_gateway(address) as gateway:
            gateway.get("/readyz")
    except WeirError as error:
        return _row("failure", "gateway", address.url, str(error), _START_GATEWAY)
    return _row("ok", "gateway", address.url, "it answers and is ready", "")


def _ask() -> _Asked:
    address = find_gateway(os.environ)
    try:
        with open_gateway(address) as gateway:
            answer = gateway.get("/v1/doctor")
    except GatewayUnavailableError as error:
        row = _row("failure", "gateway", address.url, str(error), _START_GATEWAY)
        return _Asked([row], address.url)
    told = datetime.fromisoformat(answer["answered_at"])
    return _Asked(answer["findings"], address.url, answer["version"], told)


def _look_around(folder: Path, asked: _Asked) -> list[Row]:
    from weir.doctor.machine_view import Machine
    from weir.doctor.running import modules, run_checks

    now = SystemClock().now()
    machine = Machine(folder, now, asked.url, asked.version, asked.time)
    found = asyncio.run(run_checks(modules("weir.doctor.machine"), machine))
    return [asdict(finding) for finding in found]


def _row(state: str, check: str, subject: str, message: str, remedy: str) -> Row:
    return {
        "state": state,
        "subject": subject,
        "message": message,
        "remedy": remedy,
        "check": check,
    }
