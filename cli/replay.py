"""Read the measurement streams again and rebuild what is stored, beside the live writer.

Into a schema of its own, to compare; or in place, where what is stored already stays. Needs
WEIR_STREAM_URL and WEIR_POSTGRES_URL, as services do.

Examples:
    iotctl replay measurements --from first --into-schema rebuilt
    iotctl replay measurements --from 2026-11-20T00:00:00Z
    iotctl replay drop rebuilt
"""

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from cli._installation import servers_here
from cli._output import Column, Format, Output, print_note, print_rows
from cli._stream_start import START_HELP, parse_start
from consumers.measurements import Measurements
from weir import replays
from weir.config import Settings
from weir.log import configure_logging

app = typer.Typer()

From = Annotated[
    str,
    typer.Option("--from", metavar="START", help=START_HELP),
]
IntoSchema = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Rebuild in this schema, made when needed, and compare."),
]


@app.command()
def measurements(
    start: From = "first", into_schema: IntoSchema = None, output: Output = Format.TABLE
) -> None:
    """Store the measurements again, from a point of the past to the present end of the streams.

    Exit code 1 when a rebuilt reading is missing among the live ones, or differs.

    Example:
        iotctl replay measurements --from first --into-schema rebuilt
    """
    settings = servers_here(replays.REPLAY_VARIABLES)
    configure_logging(settings.log.level, "replay")
    plan = asyncio.run(replays.plan(settings, parse_start(start)))
    print_note(f"{plan.message_count} messages in {len(plan.spans)} streams")
    if plan.lost_count:
        print_note(f"{plan.lost_count} older messages are no longer held: they stay out")
    asyncio.run(_run(settings, plan, into_schema))
    if into_schema is not None:
        _compare(settings, into_schema, output)


@app.command()
def drop(name: Annotated[str, typer.Argument(metavar="SCHEMA")]) -> None:
    """Delete the schema of a replay.

    Example:
        iotctl replay drop rebuilt
    """
    settings = servers_here(replays.REPLAY_VARIABLES)
    asyncio.run(replays.drop(settings, name))


class RateColumn(ProgressColumn):
    """How many messages are read in a second, lately."""

    def render(self, task: Task) -> Text:
        """Give nothing before anything is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


async def _run(settings: Settings, plan: replays.Plan, schema: str | None) -> None:
    columns = (
        TextColumn("replaying"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("replay", total=plan.message_count)
        async for progress in replays.run(settings, Measurements, plan, schema):
            bar.update(task, completed=progress.done_count)


def _compare(settings: Settings, schema: str, output: Format) -> None:
    comparison = asyncio.run(replays.compare(settings, schema))
    rows = [
        {"table": table, "where": where, "count": checksum.count, "checksum": checksum.sum}
        for where, checksums in (("live", comparison.live), (schema, comparison.replayed))
        for table, checksum in checksums.items()
    ]
    columns = [
        Column("table", "TABLE"),
        Column("where", "WHERE"),
        Column("count", "READINGS"),
        Column("checksum", "CHECKSUM"),
    ]
    print_rows(sorted(rows, key=lambda row: str(row["table"])), columns, output)
    if comparison.difference_count:
        print_note(f"{comparison.difference_count} rebuilt readings are not among the live ones")
        raise typer.Exit(1)
    print_note("every rebuilt reading is among the live ones, with the same value")
