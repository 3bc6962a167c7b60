"""Aggregates, the minutes, hours and days of readings: prove that they are right, mend them.

Examples:
    iotctl aggregates verify
    iotctl aggregates verify --device meter-7 --since 30d
    iotctl aggregates rebuild --device meter-7 --since 2026-11-01 --until 2026-11-08
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

import typer

from cli._client import Parameters, open_gateway
from cli._output import Column, Format, Output, print_data, print_note, print_table
from cli._rebuild import PATH, follow_rebuild, parse_range
from cli._verification import Verified, verify_rollups

app = typer.Typer()

#: Differences that are printed; JSON has all.
_PRINTED_MAX = 200
#: In the command that is suggested; with more of them it is for all devices.
_DEVICES_NAMED_MAX = 5

Devices = Annotated[
    list[str] | None,
    typer.Option("--device", metavar="SERIAL", help="Only this device; may be given again."),
]
FieldName = Annotated[str | None, typer.Option("--field", metavar="FIELD", help="Only this field.")]
_DIFFERENCE_COLUMNS = (
    Column("level", "LEVEL"),
    Column("serial", "DEVICE"),
    Column("field", "FIELD"),
    Column("bucket", "BUCKET"),
    Column("column", "COLUMN"),
    Column("stored", "STORED", align="right"),
    Column("expected", "EXPECTED", align="right"),
)
_LEVEL_COLUMNS = (
    Column("level", "LEVEL"),
    Column("checked_count", "CHECKED", align="right"),
    Column("unverifiable_count", "UNVERIFIABLE", align="right"),
    Column("waiting_count", "WAITING", align="right"),
)


@app.command()
def verify(
    *,
    device: Devices = None,
    field: FieldName = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only buckets that end after: 30d, 2026-11-20, ..."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only buckets that end until then.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Recompute aggregates from the readings, and compare every column of every bucket.

    Exit code 1 when anything differs. Safe while readings come in: what is still being computed is
    left out, and a difference counts only when it is there again after late readings have had
    their time, which may take a minute or three.

    A bucket whose readings retention has dropped cannot be verified; how many there are is said.
    Mend differences with `iotctl aggregates rebuild`.

    Examples:
        iotctl aggregates verify
        iotctl aggregates verify --device meter-7 --device meter-8 --field power --since 30d
    """
    wanted: Parameters = {"serial": device or [], "field": field, "since": since, "until": until}
    with open_gateway() as gateway:
        verified = verify_rollups(gateway, wanted)
    if output.is_for_programs:
        print_data(verified.to_json(), output)
    else:
        _print(verified)
    if verified.differences:
        raise typer.Exit(1)


@app.command()
def rebuild(
    *,
    device: Devices = None,
    field: FieldName = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From then on: 7d, 2026-11-20, ...")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Until then; now if not given.")
    ] = None,
    range_: Annotated[
        str | None, typer.Option("--range", metavar="A..B", help="The same as --since A --until B.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait until it is done.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Compute aggregates again from the readings, whole days of UTC.

    The consumer aggregates does it beside its other work, one day of one series after the other; it
    goes on when this command is ended. What retention has dropped the readings of stays as it is.

    Examples:
        iotctl aggregates rebuild --device meter-7 --range 2026-11-01..2026-11-08
        iotctl aggregates rebuild --since 1d --no-wait
    """
    since, until = parse_range(since, until, range_)
    wanted: Parameters = {"serial": device or [], "field": field, "since": since, "until": until}
    with open_gateway() as gateway:
        asked = gateway.post(PATH, wanted)
        if not no_wait:
            follow_rebuild(gateway, asked["last_id"])
    if output.is_for_programs:
        print_data({**asked, "is_done": not no_wait}, output)
    else:
        typer.echo(
            f"{asked['series_count']} series {'to compute' if no_wait else 'computed again'}"
        )


def _print(verified: Verified) -> None:
    if verified.differences:
        print_table(verified.differences[:_PRINTED_MAX], _DIFFERENCE_COLUMNS)
        typer.echo()
    print_table(list(verified.levels.values()), _LEVEL_COLUMNS)
    for note in notes(verified):
        print_note(note)


def notes(verified: Verified) -> Iterator[str]:
    """Say what the tables mean, and what to do."""
    count = len(verified.differences)
    yield f"compared: what had ended by {verified.settled_until}"
    unverifiable, waiting = (
        sum(level[name] for level in verified.levels.values())
        for name in ("unverifiable_count", "waiting_count")
    )
    if unverifiable:
        yield f"{unverifiable} buckets cannot be verified: what they were computed from is dropped"
    if waiting:
        yield f"{waiting} buckets are about to be computed again: verify them later"
    if not verified.is_complete:
        yield "there are more differences: it was not worth going on"
    if not verified.is_certain:
        yield (
            "the aggregates have not come on for a while, so what came late counts as different: "
            "does the consumer aggregates run? (`iotctl run aggregates`)"
        )
    if count > _PRINTED_MAX:
        yield f"only the first {_PRINTED_MAX} of {count} differences are printed (-o json has all)"
    if count:
        yield f"to mend them: {mending(verified)}"
    elif any(level["checked_count"] for level in verified.levels.values()):
        yield "no differences"
    else:
        yield "there was nothing to compare"


def mending(verified: Verified) -> str:
    """Give the command that computes again what differs."""
    serials = sorted({each["serial"] for each in verified.differences})
    fields = {each["field"] for each in verified.differences}
    devices = "".join(f" --device {serial}" for serial in serials)
    days = sorted(date.fromisoformat(each["bucket"][:10]) for each in verified.differences)
    # A day of a site may end on the second day of UTC after the one on which it began.
    until = days[-1] + timedelta(days=2)
    narrowed = devices if len(serials) <= _DEVICES_NAMED_MAX else ""
    if len(fields) == 1:
        narrowed += f" --field {fields.pop()}"
    return f"iotctl aggregates rebuild{narrowed} --range {days[0]}..{until}"
