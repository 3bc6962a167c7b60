"""Make the roles of the database, and give it to its owner.

For a PostgreSQL of your own; `iotctl up` does this by itself. Services then run as `weir_app`,
which may read and write rows; migrations as `weir_owner`; dashboards as `weir_readonly`.

Examples:
    iotctl database prepare --secrets secrets
    WEIR_POSTGRES_OWNER_URL=postgresql://weir_owner:...@db/weir iotctl migrate
"""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from cli._output import Column, Format, Output, print_rows
from weir.config import Settings, reveal

app = typer.Typer()

_ADMIN_VARIABLE = "WEIR_POSTGRES_ADMIN_URL"
_COLUMNS = [
    Column("name", "NAME"),
    Column("outcome", "OUTCOME", styles={"made": "green", "refused": "yellow"}),
    Column("password", "PASSWORD"),
    Column("note", "NOTE"),
]

Secrets = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="A file postgres-ROLE for each password here, generated when it is missing.",
    ),
]


@app.callback()
def group() -> None:
    """Keep `prepare` a command of its own."""


@app.command()
def prepare(secrets: Secrets = None, output: Output = Format.TABLE) -> None:
    """Make the roles, set their passwords, and make weir_owner own the database. Safe to repeat.

    The administrator and the database are those of WEIR_POSTGRES_ADMIN_URL. A password is taken
    from the role's own address where that is set (WEIR_POSTGRES_URL, _OWNER_URL, _READONLY_URL,
    _MONITORING_URL, _REPLICATION_URL), else from the folder of secrets. What only the provider of a
    managed database may do is left out, and said. Then run `iotctl migrate`, which gives the roles
    what they may.

    Example:
        iotctl database prepare --secrets secrets
    """
    # Here, so that a bare install, which has no asyncpg, can still show the help.
    from weir.bootstrap import role_passwords
    from weir.postgres.roles import Role, prepare_database

    settings = Settings.from_env(os.environ, require=[_ADMIN_VARIABLE])
    passwords = role_passwords(settings)
    origins = dict.fromkeys(passwords, "from its address")
    for role in Role:
        if secrets is not None and role not in passwords:
            passwords[role], origins[role] = _from_file(secrets, role)
    admin_url = reveal(settings.postgres.admin_url, _ADMIN_VARIABLE)
    prepared = asyncio.run(prepare_database(admin_url, passwords))
    rows = [
        {
            "name": each.name,
            "outcome": each.outcome,
            "password": origins.get(each.name, ""),  # type: ignore[call-overload]  # extensions have none
            "note": each.note,
        }
        for each in prepared
    ]
    print_rows(rows, _COLUMNS, output)


def _from_file(folder: Path, role: str) -> tuple[str, str]:
    from weir.embedded.private_files import password_in, private_folder

    path = private_folder(folder) / f"postgres-{role}"
    return password_in(path).strip(), str(path)
