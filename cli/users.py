"""Manage users: who may come in, and what they are: viewer, operator or admin.

A viewer looks; an operator steers devices and settles dead letters; an admin decides who may do
what, and what is deleted.

Examples:
    iotctl users create anna --role operator
    iotctl users change anna --role admin
    iotctl users list
"""

import asyncio
import os
from typing import Annotated
from urllib.parse import quote

import typer

from cli._client import Answer, open_gateway
from cli._output import (
    Column,
    Format,
    Output,
    print_data,
    print_fields,
    print_note,
    print_rows,
    show_age,
)
from weir.clock import SystemClock
from weir.model.account import Role

app = typer.Typer()

_PATH = "/v1/users"
#: The organisation that every installation begins with.
_ORGANISATION = "default"

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]
Organisation = Annotated[
    str, typer.Option(metavar="SLUG", help="The organisation in which they are that.")
]


@app.command("list")
def list_(output: Output = Format.TABLE) -> None:
    """List users by name.

    Example:
        iotctl users list
    """
    with open_gateway() as gateway:
        users = list(gateway.get_all(_PATH, {}, key="users", limit=None))
    columns = [
        Column("name", "NAME"),
        Column("state", "STATE", styles={"disabled": "yellow"}),
        Column("roles", "ROLES", show=_show_roles),
        Column("last_login_at", "LAST LOGIN", align="right", show=show_age(SystemClock().now())),
    ]
    print_rows(users, columns, output)


@app.command()
def show(name: Name, output: Output = Format.TABLE) -> None:
    """Show one user.

    Example:
        iotctl users show anna
    """
    with open_gateway() as gateway:
        user = gateway.get(_path(name))
    if output.is_for_programs:
        print_data(user, output)
        return
    user["roles"] = _show_roles(user["roles"])
    print_fields({key.replace("_", " "): value for key, value in user.items()})


@app.command()
def create(
    name: Name,
    *,
    role: Annotated[Role, typer.Option(help="What they are.")] = Role.VIEWER,
    organisation: Organisation = _ORGANISATION,
) -> None:
    """Make a user; the password is made too, and shown this once.

    Example:
        iotctl users create anna --role operator
    """
    body = {"name": name, "roles": {organisation: role}}
    with open_gateway() as gateway:
        made = gateway.post(_PATH, body=body)
    _show_password(made)


@app.command()
def change(
    name: Name,
    *,
    role: Annotated[Role | None, typer.Option(help="What they are from now on.")] = None,
    organisation: Organisation = _ORGANISATION,
    disable: Annotated[
        bool | None,
        typer.Option("--disable/--enable", help="Whether they are kept out."),
    ] = None,
) -> None:
    """Change what a user is, or keep them out; it holds at once.

    Examples:
        iotctl users change anna --role admin
        iotctl users change anna --disable
    """
    with open_gateway() as gateway:
        user = gateway.get(_path(name))
        body: Answer = {"is_disabled": disable}
        if role is not None:
            body["roles"] = {**user["roles"], organisation: role}
        changed = gateway.patch(_path(name), body, version=user["version"])
    print_note(f"{name} is {changed['state']}: {_show_roles(changed['roles'])}")


@app.command()
def delete(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a user, with all their logins and tokens.

    Example:
        iotctl users delete anna
    """
    if not yes:
        typer.confirm(f"Delete {name}, with all logins and tokens?", abort=True, err=True)
    with open_gateway() as gateway:
        gateway.delete(_path(name))


@app.command("reset-password")
def reset_password(name: Name) -> None:
    """Give a user a new password, which is shown this once; all their logins end.

    Example:
        iotctl users reset-password anna
    """
    with open_gateway() as gateway:
        _show_password(gateway.post(f"{_path(name)}/password", body={}))


@app.command("change-password")
def change_password() -> None:
    """Change your own password; your other logins end.

    Example:
        iotctl users change-password
    """
    current = typer.prompt("Current password", hide_input=True, err=True)
    new = typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    with open_gateway() as gateway:
        gateway.post("/v1/auth/password", body={"current_password": current, "new_password": new})
    print_note("changed")


@app.command("create-admin")
def create_admin(name: Name = "admin") -> None:
    """Make an administrator straight in the database, or give one a new password.

    For a password that is lost, where nobody else can help. Needs WEIR_POSTGRES_URL.

    Example:
        WEIR_POSTGRES_URL=... iotctl users create-admin
    """
    from weir.accounts.recovery import recover_admin
    from weir.clock import SystemClock
    from weir.config import Settings, reveal

    settings = Settings.from_env(os.environ, require=["WEIR_POSTGRES_URL"])
    url = reveal(settings.postgres.url, "WEIR_POSTGRES_URL")
    password = asyncio.run(recover_admin(url, name, SystemClock().now()))
    _show_password({"name": name, "password": password})


def _path(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"


def _show_password(answer: Answer) -> None:
    typer.echo(answer["password"])
    print_note(f"the password of {answer['name']}, shown this once; they should change it")


def _show_roles(roles: dict[str, str]) -> str:
    if set(roles) == {_ORGANISATION}:
        return roles[_ORGANISATION]
    return ", ".join(f"{role} of {organisation}" for organisation, role in sorted(roles.items()))
