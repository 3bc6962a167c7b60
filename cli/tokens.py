"""Manage API tokens: what scripts and services show instead of a login.

A token belongs to a user and never may more than they; it can be narrowed, and it ends. A script
shows it as WEIR_GATEWAY_TOKEN, or in the header `Authorization: Bearer ...`.

Examples:
    iotctl tokens create grafana --days 365
    iotctl tokens create importer --role operator --only readings:read --only devices:read
    iotctl tokens revoke 3
"""

from typing import Annotated

import typer

from cli._client import open_gateway
from cli._output import Column, Format, Output, print_data, print_note, print_rows, show_age
from weir.clock import SystemClock
from weir.model.account import TOKEN_LIFETIME_DAYS, TOKEN_LIFETIME_DAYS_MAX, Role

app = typer.Typer()

_PATH = "/v1/tokens"


@app.command("list")
def list_(
    *,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this user.")
    ] = None,
    ended: Annotated[
        bool, typer.Option("--ended", help="Also those that are expired or revoked.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """List tokens, the newest first; without the right to manage all: your own.

    Example:
        iotctl tokens list --owner anna
    """
    with open_gateway() as gateway:
        wanted = {"owner": owner, "ended": ended}
        tokens = list(gateway.get_all(_PATH, wanted, key="tokens", limit=None))
    age = show_age(SystemClock().now())
    columns = [
        Column("token_id", "ID", align="right"),
        Column("name", "NAME"),
        Column("owner", "OWNER"),
        Column("role", "ROLE"),
        Column("permissions", "ONLY", show=lambda only: ", ".join(only or ())),
        Column("expires_at", "EXPIRES"),
        Column("last_used_at", "LAST USED", align="right", show=age),
    ]
    if ended:
        columns.append(Column("revoked_at", "REVOKED", align="right", show=age))
    print_rows(tokens, columns, output)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    role: Annotated[Role, typer.Option(help="The most that it may be.")] = Role.VIEWER,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PERMISSION", help="Narrow it to this; can be repeated."),
    ] = None,
    days: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=TOKEN_LIFETIME_DAYS_MAX, help="It ends after N days."),
    ] = TOKEN_LIFETIME_DAYS,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose it is; without it, yours.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Make a token, and show it this once.

    Examples:
        iotctl tokens create grafana --days 365
        iotctl tokens create importer --only readings:read --owner anna
    """
    body = {
        "name": name,
        "role": role,
        "permissions": only or None,
        "lifetime_days": days,
        "owner": owner,
    }
    with open_gateway() as gateway:
        made = gateway.post(_PATH, body=body)
    if output.is_for_programs:
        print_data(made, output)
        return
    typer.echo(made["token"])
    print_note(f"token {made['token_id']} of {made['owner']}, shown this once")


@app.command()
def revoke(
    token_ids: Annotated[list[int], typer.Argument(metavar="ID", help="Numbers of the tokens.")],
) -> None:
    """Take tokens back, at once and for good.

    Example:
        iotctl tokens revoke 3 4
    """
    with open_gateway() as gateway:
        for token_id in token_ids:
            gateway.delete(f"{_PATH}/{token_id}")
