"""Dead letters, messages that were rejected: list, replay, discard.

Examples:
    iotctl dead list --reason undecodable
    iotctl dead decode 17
    iotctl dead replay 17
    iotctl dead replay --device crane-7 --since 2h
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli._client import Gateway, open_gateway
from cli._dead_export import file_writer, letters, line_writer
from cli._dead_filters import (
    Consumer,
    Device,
    Reason,
    Since,
    State,
    StateOption,
    Until,
    filters,
    with_state,
)
from cli._dead_view import print_decoded, print_letter
from cli._listing import Listing
from cli._output import (
    Column,
    Format,
    Output,
    print_data,
    print_note,
    printable,
    show_age,
)
from cli._settling import PATH, settle_all, settle_each
from cli._watch import watchable
from weir.clock import SystemClock

app = typer.Typer()

_LISTED = 50
_PAST = {"replay": "replayed", "discard": "discarded"}

DeadLetterId = Annotated[int, typer.Argument(metavar="ID", min=1, help="Its number.")]
DeadLetterIds = Annotated[
    list[int] | None, typer.Argument(metavar="ID", min=1, help="Their numbers.")
]
All = Annotated[bool, typer.Option("--all", help="All that are kept.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
@watchable
def list_dead_letters(
    *,
    reason: Reason = None,
    device: Device = None,
    consumer: Consumer = None,
    since: Since = None,
    until: Until = None,
    state: StateOption = State.KEPT,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most N dead letters.")
    ] = _LISTED,
    output: Output = Format.TABLE,
) -> None:
    """List dead letters, newest first.

    Example:
        iotctl dead list --device crane-7 --since 2h --limit 10
    """
    wanted = filters(reason=reason, device=device, consumer=consumer, since=since, until=until)
    columns = [
        Column("dead_letter_id", "ID", align="right"),
        Column("recorded_at", "KEPT", align="right", show=show_age(SystemClock().now())),
        Column("state", "STATE"),
        Column("reason", "REASON"),
        Column("consumer", "CONSUMER"),
        Column("serial", "DEVICE"),
        Column("body_bytes", "BYTES", align="right"),
        Column("error", "ERROR"),
    ]
    listing = Listing(PATH, "dead_letters", "dead letters", "newest")
    listing.show(with_state(wanted, state), columns, limit, output)


@app.command()
def show(dead_letter_id: DeadLetterId, output: Output = Format.TABLE) -> None:
    """Show one dead letter: why it was rejected, where it came from, and what is in it.

    Example:
        iotctl dead show 17
    """
    with open_gateway() as gateway:
        letter = gateway.get(f"{PATH}/{dead_letter_id}")
    if output.is_for_programs:
        print_data(letter, output)
        return
    print_letter(letter)


@app.command()
def decode(dead_letter_id: DeadLetterId, output: Output = Format.TABLE) -> None:
    """Show what this version makes of a dead letter: what a replay would find in it.

    Exit code 1 when it still cannot be decoded.

    Example:
        iotctl dead decode 17
    """
    with open_gateway() as gateway:
        decoded = gateway.get(f"{PATH}/{dead_letter_id}/decoded")
    if output.is_for_programs:
        print_data(decoded, output)
    else:
        print_decoded(decoded)
    if decoded["rejection"]:
        raise typer.Exit(1)


@app.command()
def replay(
    dead_letter_ids: DeadLetterIds = None,
    *,
    reason: Reason = None,
    device: Device = None,
    consumer: Consumer = None,
    since: Since = None,
    until: Until = None,
    everything: All = False,
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Publish dead letters again, oldest first, as if their devices had just sent them.

    By number, or those that filters match and that are still kept. What is stored already stays
    once; what is rejected again comes back as a new dead letter.

    Examples:
        iotctl dead replay 17 18
        iotctl dead replay --reason undecodable --since 2026-11-20
    """
    wanted = filters(reason=reason, device=device, consumer=consumer, since=since, until=until)
    with open_gateway() as gateway:
        if _is_by_number(dead_letter_ids, wanted, everything):
            _settle_each(gateway, "replay", dead_letter_ids or [], output)
        else:
            _settle_all(gateway, "replay", wanted, output, may_ask=not yes)


@app.command()
def discard(
    dead_letter_ids: DeadLetterIds = None,
    *,
    reason: Reason = None,
    device: Device = None,
    consumer: Consumer = None,
    since: Since = None,
    until: Until = None,
    everything: All = False,
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Settle dead letters without publishing them; they stay listed with --state discarded.

    By number, or those that filters match and that are still kept.

    Examples:
        iotctl dead discard 17 18
        iotctl dead discard --device test-3 --yes
    """
    wanted = filters(reason=reason, device=device, consumer=consumer, since=since, until=until)
    with open_gateway() as gateway:
        if _is_by_number(dead_letter_ids, wanted, everything):
            _settle_each(gateway, "discard", dead_letter_ids or [], output)
        else:
            _settle_all(gateway, "discard", wanted, output, may_ask=not yes)


@app.command()
def export(
    *,
    reason: Reason = None,
    device: Device = None,
    consumer: Consumer = None,
    since: Since = None,
    until: Until = None,
    state: StateOption = State.KEPT,
    directory: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write ID.bin, the body, and ID.json for each."),
    ] = None,
) -> None:
    """Write whole dead letters out: a line of JSON for each, its body in base64; or files.

    Examples:
        iotctl dead export --reason undecodable > letters.ndjson
        iotctl dead export --device crane-7 --directory letters
    """
    wanted = filters(reason=reason, device=device, consumer=consumer, since=since, until=until)
    write = line_writer() if directory is None else file_writer(directory)
    count = 0
    with open_gateway() as gateway:
        for letter in letters(gateway, with_state(wanted, state)):
            write(letter)
            count += 1
    print_note(f"{count} dead letters exported")


def _is_by_number(
    dead_letter_ids: list[int] | None, wanted: Mapping[str, str | None], everything: bool
) -> bool:
    has_filters = any(wanted.values())
    if bool(dead_letter_ids) + has_filters + everything != 1:
        raise typer.BadParameter("say which: by ID, by filters, or --all")
    return bool(dead_letter_ids)


def _settle_each(gateway: Gateway, verb: str, dead_letter_ids: list[int], output: Format) -> None:
    settled, refused = settle_each(gateway, verb, dead_letter_ids)
    if output.is_for_programs:
        print_data(
            {f"{_PAST[verb]}_count": len(settled), "left_count": 0, "refused": refused}, output
        )
    else:
        typer.echo(f"{len(settled)} {_PAST[verb]}")
    for refusal in refused:
        print_note(f"error: {printable(refusal['error'])}")
    if refused:
        raise typer.Exit(1)


def _settle_all(
    gateway: Gateway,
    verb: str,
    wanted: Mapping[str, str | None],
    output: Format,
    *,
    may_ask: bool,
) -> None:
    total = gateway.get(f"{PATH}/count", with_state(wanted, State.KEPT))["count"]
    if total and may_ask and sys.stdin.isatty():
        typer.confirm(f"{verb} {total} dead letters?", abort=True, err=True)
    settled, left = settle_all(gateway, verb, wanted, total) if total else (0, 0)
    if output.is_for_programs:
        print_data({f"{_PAST[verb]}_count": settled, "left_count": left, "refused": []}, output)
    else:
        typer.echo(f"{settled} {_PAST[verb]}")
    if left:
        print_note(f"{left} are being settled by somebody else")
