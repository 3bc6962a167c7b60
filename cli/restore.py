"""Bring a backup back into an empty installation, and prove that it is the same.

Everything or nothing: one transaction loads all tables and compares their checksums with those of
the backup before it commits. Services must not run meanwhile, and the database must be new: with
iotctl up, `iotctl up --data NEW --restore BACKUP` does all of it.

When RabbitMQ has survived, its streams are read on from where the backup has come to, and nothing
is counted twice. When it is new as well, say so with --new-broker.

Examples:
    iotctl restore /srv/backups/weir-20261128T030000Z --check    # only reads the files
    iotctl restore /srv/backups/weir-20261128T030000Z
    iotctl restore /srv/backups/weir-20261128T030000Z --new-broker
"""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from cli._output import Format, Output, print_note
from cli._progress import share_bar
from cli.backup import print_manifest
from weir.config import Settings


def command(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder of the backup.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only read the files and compare their checksums.")
    ] = False,
    new_broker: Annotated[
        bool, typer.Option("--new-broker", help="RabbitMQ is new too: read its streams from 0.")
    ] = False,
    without_broker: Annotated[
        bool, typer.Option("--without-broker", help="Leave users and queues of RabbitMQ alone.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Bring a backup back into an empty installation."""
    from weir import backups

    if check:
        with share_bar("checking") as report:
            manifest = backups.check(backup, report)
        print_manifest(backup, manifest, output)
        print_note("every file is what the manifest says")
        return
    broker = () if without_broker else backups.BROKER_VARIABLES
    settings = Settings.from_env(os.environ, broker)
    with share_bar("restoring") as report:
        manifest = asyncio.run(
            backups.restore(settings, backup, is_broker_new=new_broker, report=report)
        )
    print_manifest(backup, manifest, output)
    print_note("every table has the rows and the checksum of the backup")
