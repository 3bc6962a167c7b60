"""Bring the database's schema up to date.

Applies the migrations that are missing, in order, each in a transaction of its own. Safe to repeat,
and from two places at once. The database is the one in WEIR_POSTGRES_OWNER_URL, else in
WEIR_POSTGRES_URL. Roles that are there get what they may do (`iotctl database prepare`).

Examples:
    iotctl migrate
    iotctl migrate --check    # changes nothing; exit code 1 when something is missing
"""

import asyncio
import os
from typing import Annotated

import typer

from weir.config import Settings, reveal

_URL_VARIABLE = "WEIR_POSTGRES_URL"


def command(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell what is missing; change nothing.")
    ] = False,
) -> None:
    """Bring the database's schema up to date."""
    # Here, so that a bare install, which has no asyncpg, can still show the help.
    from weir.postgres.migrate import migrate

    settings = Settings.from_env(os.environ)
    url = reveal(settings.postgres.for_schema, _URL_VARIABLE)
    if check:
        _check(url)
        return
    applied = asyncio.run(migrate(url))
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("the schema is up to date")


def _check(url: str) -> None:
    from weir.postgres.migrate import pending

    missing = asyncio.run(pending(url))
    for name in missing:
        typer.echo(f"missing {name}")
    if missing:
        raise typer.Exit(1)
    typer.echo("the schema is up to date")
