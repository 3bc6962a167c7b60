"""Save database, broker and settings of an installation into a folder, while it runs.

All tables as of one instant: rows and checkpoints fit together, so that after a restore the streams
are read on from where the backup has come to. Users of devices and their rights come along; secrets
of the installation do not. The servers are those of the environment (WEIR_POSTGRES_OWNER_URL,
WEIR_AMQP_URL, WEIR_MANAGEMENT_URL), else those of iotctl up.

Examples:
    iotctl backup /srv/backups
    iotctl backup /srv/backups --data ./weir-data
    iotctl backup /srv/backups -o json
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli._installation import Data, installation
from cli._output import Column, Format, Output, print_data, print_note, print_table
from cli._progress import share_bar
from weir.clock import SystemClock

if TYPE_CHECKING:
    from weir.model.backup import Manifest

COLUMNS = [
    Column("table", "TABLE"),
    Column("rows", "ROWS", align="right"),
    Column("bytes", "BYTES", align="right"),
    Column("checksum", "CHECKSUM", align="right"),
]


def command(
    into: Annotated[Path, typer.Argument(metavar="DIR", help="Where backups are kept.")],
    *,
    data: Data = None,
    without_broker: Annotated[
        bool, typer.Option("--without-broker", help="Save the database and the settings only.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Save an installation into a folder."""
    from weir.backups import BROKER_VARIABLES, back_up

    broker = () if without_broker else BROKER_VARIABLES
    settings, environ = installation(data, broker)
    if without_broker:
        settings = settings.model_copy(update={"management": type(settings.management)()})
    now = SystemClock().now()
    with share_bar("backing up") as report:
        folder, manifest = asyncio.run(back_up(settings, into, now, environ, report))
    print_manifest(folder, manifest, output)
    size = sum(table.size_bytes for table in manifest.tables)
    print_note(f"{folder}: {len(manifest.tables)} tables, {size / 1e6:.1f} MB")


def print_manifest(folder: Path, manifest: "Manifest", output: Format) -> None:
    """Print what a backup has, table by table."""
    rows = [
        {
            "table": table.name,
            "rows": table.row_count,
            "bytes": table.size_bytes,
            "checksum": f"{table.checksum:x}",
        }
        for table in manifest.tables
    ]
    if output.is_for_programs:
        print_data(
            {"folder": str(folder), "made_at": str(manifest.made_at), "tables": rows}, output
        )
    else:
        print_table([row for row in rows if row["rows"]], COLUMNS)
