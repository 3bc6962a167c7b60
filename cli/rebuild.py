"""Rebuild what is derived from the journal, and prove that it is what is there.

Needs WEIR_POSTGRES_URL, as services do.

Examples:
    iotctl rebuild registry
    iotctl rebuild registry --apply
    iotctl rebuild commands
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli._installation import servers_here
from cli._output import Column, Format, Output, cell, print_data, print_note, print_rows
from weir.config import reveal

if TYPE_CHECKING:
    # A bare install has no asyncpg, and shows the help all the same.
    from weir.postgres.journal_rebuild import Comparison, Difference

app = typer.Typer()

REGISTRY = "registry"
COMMANDS = "commands"

Apply = Annotated[
    bool,
    typer.Option("--apply", help="Make the tables what the journal says, where they differ."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_URL_VARIABLE = "WEIR_POSTGRES_URL"
_COLUMNS = (
    Column("table", "TABLE"),
    Column("live_count", "ROWS", align="right"),
    Column("rebuilt_count", "REBUILT", align="right"),
    Column("difference_count", "DIFFERENCES", align="right"),
)


@app.command()
def registry(
    *,
    apply: Apply = False,
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Rebuild devices, series and sites from the journal, beside the live ones, and compare.

    Nothing stops meanwhile, and without --apply nothing is changed. Exit code 1 when they differ.
    With --apply, what only the tables have is deleted, with the events and places of such a device.

    Examples:
        iotctl rebuild registry
        iotctl rebuild registry --apply
    """
    _rebuild(REGISTRY, apply=apply, yes=yes, output=output)


@app.command()
def commands(*, apply: Apply = False, yes: Yes = False, output: Output = Format.TABLE) -> None:
    """Rebuild the commands to devices from the journal, beside the live ones, and compare.

    Nothing stops meanwhile, and without --apply nothing is changed. Exit code 1 when they differ.

    Examples:
        iotctl rebuild commands
        iotctl rebuild commands --apply
        iotctl rebuild commands -o json
    """
    _rebuild(COMMANDS, apply=apply, yes=yes, output=output)


def _rebuild(what: str, *, apply: bool, yes: bool, output: Format) -> None:
    found = _run(what, apply=False)
    count = sum(comparison.difference_count for comparison in found)
    if apply and count:
        if not yes and sys.stdin.isatty():
            _print(found, output)
            typer.confirm(f"change {count} rows to what the journal says?", abort=True, err=True)
        found = _run(what, apply=True)
    _print(found, output)
    if not count:
        print_note("the journal adds up to exactly what is there")
    elif apply:
        print_note(f"{count} rows are now what the journal says")
    else:
        print_note("--apply makes the tables what the journal says")
        raise typer.Exit(1)


def _run(what: str, *, apply: bool) -> "list[Comparison]":
    from weir.postgres.journal_rebuild import rebuild_commands, rebuild_registry
    from weir.postgres.pool import open_pool

    rebuild = {REGISTRY: rebuild_registry, COMMANDS: rebuild_commands}[what]
    settings = servers_here([_URL_VARIABLE])

    async def run() -> "list[Comparison]":
        async with open_pool(reveal(settings.postgres.url, _URL_VARIABLE)) as pool:
            return await rebuild(pool, apply=apply)

    return asyncio.run(run())


def _print(found: "Iterable[Comparison]", output: Format) -> None:
    rows = [asdict(comparison) for comparison in found]
    if output.is_for_programs:
        print_data(rows, output)
        return
    print_rows(rows, _COLUMNS, output)
    for comparison in found:
        for difference in comparison.differences:
            print_note(_tell(difference))


def _tell(difference: "Difference") -> str:
    """Say in a line what is not as the journal has it."""
    live, rebuilt = difference.live, difference.rebuilt
    name = f"{difference.table} {_name(live or rebuilt or {})}"
    if rebuilt is None:
        return f"{name}: the journal does not know it"
    if live is None:
        return f"{name}: it is missing"
    told = (
        f"{column} is {cell(live[column])}, the journal says {cell(value)}"
        for column, value in rebuilt.items()
        if live[column] != value
    )
    return f"{name}: {'; '.join(told)}"


def _name(row: Mapping[str, Any]) -> str:
    for key in ("command_id", "serial", "slug"):
        if row.get(key):
            return str(row[key])
    return f"{row.get('field')} ({row['series_id']})"
