"""List, show, make, change and remove sites: the houses, machines and structures of devices.

Examples:
    iotctl sites list
    iotctl sites create harbour --name "North harbour" --time-zone Europe/Berlin
    iotctl sites set harbour --time-zone Europe/Lisbon
    iotctl sites delete harbour
"""

import sys
from typing import Annotated

import typer

from cli._client import Answer, Gateway, open_gateway
from cli._output import (
    Column,
    Format,
    Output,
    print_data,
    print_fields,
    print_note,
    print_rows,
)
from cli._watch import watchable

app = typer.Typer()

PATH = "/v1/sites"
_COLUMNS = (
    Column("slug", "SITE"),
    Column("name", "NAME"),
    Column("time_zone", "TIME ZONE"),
    Column("device_count", "DEVICES", align="right"),
    Column("deleted_device_count", "DELETED", align="right"),
)

Slug = Annotated[
    str, typer.Argument(metavar="SITE", help="Its slug: lower-case letters, digits and dashes.")
]
TimeZone = Annotated[
    str | None,
    typer.Option(
        "--time-zone", metavar="ZONE", help="Whose midnight begins its days: Europe/Berlin, UTC."
    ),
]


@app.command("list")
@watchable
def list_sites(output: Output = Format.TABLE) -> None:
    """List sites by slug, with how many devices are at each.

    Example:
        iotctl sites list -o json
    """
    with open_gateway() as gateway:
        print_rows(list(gateway.get_all(PATH, {}, key="sites", limit=None)), _COLUMNS, output)


@app.command()
def show(slug: Slug, output: Output = Format.TABLE) -> None:
    """Show one site.

    Example:
        iotctl sites show harbour
    """
    with open_gateway() as gateway:
        _print(gateway.get(f"{PATH}/{slug}"), output)


@app.command()
def create(
    slug: Slug,
    *,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What people call it; default: its slug.")
    ] = None,
    time_zone: TimeZone = None,
    output: Output = Format.TABLE,
) -> None:
    """Make a site; its slug never changes.

    Example:
        iotctl sites create harbour --name "North harbour" --time-zone Europe/Berlin
    """
    body = {"slug": slug, "name": name or slug, "time_zone": time_zone or "UTC"}
    with open_gateway() as gateway:
        _print(gateway.post(PATH, body=body), output)


@app.command("set")
def set_(
    slug: Slug,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it.")] = None,
    time_zone: TimeZone = None,
    output: Output = Format.TABLE,
) -> None:
    """Change a site; with another time zone, its days are computed again.

    Refused when somebody else changes it at the same moment.

    Example:
        iotctl sites set harbour --time-zone Europe/Lisbon
    """
    given = {"name": name, "time_zone": time_zone}
    body = {key: value for key, value in given.items() if value is not None}
    if not body:
        raise typer.BadParameter("say what is to change: --name, --time-zone")
    with open_gateway() as gateway:
        site = gateway.get(f"{PATH}/{slug}")
        _print(gateway.patch(f"{PATH}/{slug}", body, version=site["version"]), output)


@app.command()
def delete(
    slug: Slug,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a site that no device is at; retention policies of its own go with it.

    Example:
        iotctl sites delete harbour
    """
    with open_gateway() as gateway:
        _confirm(gateway, slug, yes=yes)
        gateway.delete(f"{PATH}/{slug}")
    print_note(f"{slug} is removed")


def _confirm(gateway: Gateway, slug: str, *, yes: bool) -> None:
    site = gateway.get(f"{PATH}/{slug}")
    if not yes and sys.stdin.isatty():
        typer.confirm(f"remove the site {slug} ({site['name']})?", abort=True, err=True)


def _print(site: Answer, output: Format) -> None:
    if output.is_for_programs:
        print_data(site, output)
    else:
        print_fields({name.replace("_", " "): value for name, value in site.items()})
