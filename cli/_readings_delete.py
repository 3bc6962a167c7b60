"""`iotctl readings delete`: asks, lets the deletion take its turn in the stream, waits for it."""

import sys
import time
from typing import Annotated

import typer

from cli._client import Answer, Gateway, Parameters, open_gateway
from cli._output import Format, Output, print_data, print_note, printable

POLL_INTERVAL_S = 0.5
#: The writer takes what is in the stream within a second or two.
STALLED_AFTER_S = 15.0
_FIELDS_NAMED_MAX = 8


def delete(
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="Serial of the device.")],
    field: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD", help="What to delete; all fields if none is given."),
    ] = None,
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="From then on: 5m (ago), 2026-03-14T15:09:26Z.")
    ],
    until: Annotated[str, typer.Option(metavar="TIME", help="Until before then, or now.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Delete the readings of a window, for ever; aggregates follow within seconds.

    Tells how many there are and asks. The deletion takes its turn among what the device sends:
    what is sent again later is stored again, and rebuilding from the streams deletes the same.

    Examples:
        iotctl readings delete meter-7 power --since 2026-03-14T15:00 --until 2026-03-14T16:30
        iotctl readings delete meter-7 --since 2h --until 1h --yes
    """
    wanted: Parameters = {"field": field or [], "since": since, "until": until}
    path = f"/v1/devices/{serial}/deletions"
    with open_gateway() as gateway:
        preview = gateway.get(f"{path}/preview", wanted)
        if preview["reading_count"] and not yes:
            _confirm(preview)
        # The instants of the preview: `2h` is another one by now.
        window = {"since": preview["since"], "until": preview["until"]}
        deletion = {"deleted_count": 0, **preview}
        if preview["reading_count"]:
            deletion = _wait(gateway, gateway.post(path, {**wanted, **window}))
    if output.is_for_programs:
        print_data(deletion, output)
    else:
        typer.echo(f"{deletion['deleted_count']} readings deleted")


def _confirm(preview: Answer) -> None:
    """Ask the person at the terminal.

    Raises:
        BadParameter: there is none.
        Abort: the person does not want it.
    """
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here: say --yes")
    named = [each for each in preview["fields"] if each["reading_count"]]
    shown = ", ".join(
        f"{printable(each['field'])} {each['reading_count']}" for each in named[:_FIELDS_NAMED_MAX]
    )
    more = ", ..." if len(named) > _FIELDS_NAMED_MAX else ""
    print_note(f"{preview['serial']}: {shown}{more}")
    typer.confirm(
        f"delete {preview['reading_count']} readings from {preview['since']} "
        f"until before {preview['until']}, for ever?",
        abort=True,
        err=True,
    )


def _wait(gateway: Gateway, deletion: Answer) -> Answer:
    """Give the deletion when it was applied; says so once when nobody applies it."""
    stalled_at = time.monotonic() + STALLED_AFTER_S
    while deletion["applied_at"] is None:
        if time.monotonic() > stalled_at:
            print_note(
                f"not applied for {STALLED_AFTER_S:g} s: does the consumer measurements run? "
                "(`iotctl run measurements`; the deletion waits in the stream)"
            )
            stalled_at = float("inf")
        time.sleep(POLL_INTERVAL_S)
        deletion = gateway.get(f"/v1/deletions/{deletion['deletion_id']}")
    return deletion
