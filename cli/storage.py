"""See what the database takes, say how long things are kept, and drop what has expired.

What is older than its policy allows is dropped every hour by the aggregates consumer; rollups are
kept when the readings that they were computed from go.

Examples:
    iotctl storage show
    iotctl storage policy set --raw 14d
    iotctl storage policy set --class vibration --raw 2d --minute 30d
    iotctl storage retain --dry-run
"""

from typing import Annotated

import typer

from cli import _storage_view as view
from cli._client import open_gateway
from cli._loading import keep_blocks
from cli._output import (
    Format,
    Output,
    print_data,
    print_fields,
    print_note,
    print_rows,
    print_table,
)

app = typer.Typer()
policy_app = typer.Typer(no_args_is_help=True)
app.add_typer(policy_app, name="policy", help=keep_blocks(view.POLICY_HELP))

PATH = "/v1/storage"

Site = Annotated[
    str | None, typer.Option(metavar="SLUG", help="For the devices of this site only.")
]
Class = Annotated[
    str | None, typer.Option("--class", metavar="NAME", help="For series of this class only.")
]


@app.command()
def show(output: Output = Format.TABLE) -> None:
    """Show the mode, the size and span of every table, the policies, and what goes next.

    Numbers of rows are estimates; sizes and times are exact.

    Example:
        iotctl storage show -o json
    """
    with open_gateway() as gateway:
        storage = gateway.get(PATH)
        policies = gateway.get(f"{PATH}/policies")["policies"]
        planned = gateway.get(f"{PATH}/plan")["planned"]
    if output.is_for_programs:
        print_data({**storage, "policies": policies, "next_run": planned}, output)
        return
    print_fields(view.mode_fields(storage))
    typer.echo()
    print_table(storage["tables"], view.TABLE_COLUMNS)
    typer.echo()
    print_table([view.policy_row(policy) for policy in policies], view.POLICY_COLUMNS)
    typer.echo()
    if planned:
        typer.echo("The next run, within the hour:")
        print_table(planned, view.PLAN_COLUMNS)
    else:
        typer.echo("The next run has nothing to drop.")


@app.command()
def retain(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would go, and what waits for what.")
    ] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Drop it now, not within the hour; it cannot be undone.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Drop what has expired, or show what would go.

    The same is done every hour without being asked. Exit code 1 when something has to wait.

    Examples:
        iotctl storage retain --dry-run
        iotctl storage retain --now
    """
    if dry_run == now:
        raise typer.BadParameter("say which: --dry-run or --now")
    with open_gateway() as gateway:
        if dry_run:
            planned = gateway.get(f"{PATH}/plan")["planned"]
            if planned or output.is_for_programs:
                print_rows(planned, view.PLAN_COLUMNS, output)
            else:
                print_note("nothing has expired")
            return
        report = view.run_all(gateway, f"{PATH}/retain")
    if output.is_for_programs:
        print_data(report, output)
    elif report["expired"]:
        print_table(report["expired"], view.DROPPED_COLUMNS)
    else:
        print_note("nothing was dropped")
    for wait in report["waits"]:
        print_note(f"left for the next run: {view.show_wait(wait)}")
    if report["waits"]:
        raise typer.Exit(1)


@policy_app.command("list")
def list_(output: Output = Format.TABLE) -> None:
    """List how long everything is kept; `-` is as the next wider policy says.

    A class of series comes before a site, and that before the installation.

    Example:
        iotctl storage policy list
    """
    with open_gateway() as gateway:
        policies = gateway.get(f"{PATH}/policies")["policies"]
    if output.is_for_programs:
        print_data(policies, output)
    else:
        print_table([view.policy_row(policy) for policy in policies], view.POLICY_COLUMNS)


@policy_app.command("set")
def set_(
    *,
    site: Site = None,
    series_class: Class = None,
    raw: Annotated[
        str | None, typer.Option(metavar="AGE", help="Readings as they came, and texts.")
    ] = None,
    minute: Annotated[str | None, typer.Option(metavar="AGE", help="Rollups of minutes.")] = None,
    hour: Annotated[str | None, typer.Option(metavar="AGE", help="Rollups of hours.")] = None,
    day: Annotated[str | None, typer.Option(metavar="AGE", help="Rollups of days.")] = None,
    event: Annotated[
        str | None, typer.Option("--events", metavar="AGE", help="What happened at devices.")
    ] = None,
    location: Annotated[
        str | None, typer.Option("--locations", metavar="AGE", help="Where devices were.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Say how long things are kept: by the installation, or by one site or class of series.

    An age is a number of days, weeks or years, or `forever`; ages that are not given stay as they
    are. Each level is kept at least as long as the one that it is computed from.

    Examples:
        iotctl storage policy set --raw 14d --minute 1y
        iotctl storage policy set --site harbour --raw forever --minute forever
        iotctl storage policy set --class vibration --raw 2d
    """
    ages = {
        "raw": raw,
        "minute": minute,
        "hour": hour,
        "day": day,
        "event": event,
        "location": location,
    }
    if not any(ages.values()):
        raise typer.BadParameter("give at least one age, for example --raw 30d")
    with open_gateway() as gateway:
        policy = gateway.post(
            f"{PATH}/policies/set", {"site": site, "series_class": series_class, **ages}
        )
    view.print_policy(policy, output)


@policy_app.command()
def unset(
    layers: Annotated[
        list[view.LayerName] | None,
        typer.Argument(metavar="[LAYER]...", help="Ages to forget; all of them if none is named."),
    ] = None,
    *,
    site: Site = None,
    series_class: Class = None,
    output: Output = Format.TABLE,
) -> None:
    """Forget ages of a site or a class: they are again as the next wider policy says.

    Examples:
        iotctl storage policy unset --site harbour
        iotctl storage policy unset raw minute --class vibration
    """
    if site is None and series_class is None:
        raise typer.BadParameter("say whose: --site or --class; the installation has every age")
    with open_gateway() as gateway:
        policy = gateway.post(
            f"{PATH}/policies/unset",
            {
                "site": site,
                "series_class": series_class,
                "layer": [layer.value for layer in layers or []],
            },
        )
    view.print_policy(policy, output)
