"""See what was changed, when, and by whom.

Examples:
    iotctl journal list --entity device --id crane-7
    iotctl journal tail --actor ada
    iotctl journal show 1042
"""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from cli._client import Answer, Gateway, Parameters, open_gateway
from cli._follow import ask_patiently
from cli._listing import Listing
from cli._output import (
    BLANK,
    Column,
    Format,
    Output,
    print_data,
    print_fields,
    print_json,
    printable,
)

app = typer.Typer()

PATH = "/v1/journal"
POLL_INTERVAL_S = 1.0
PAGE_SIZE = 500
_LISTED = 50
_TAIL_LINES = 10
#: Of what an event says, in a line.
_DETAIL_LENGTH_MAX = 100

Entity = Annotated[
    str | None,
    typer.Option(metavar="KIND", help="Only of devices, series, sites, users: device, series, ..."),
]
EntityId = Annotated[
    str | None,
    typer.Option("--id", metavar="ID", help="Only of this one: a serial, SERIAL/FIELD, a slug."),
]
Type = Annotated[
    str | None,
    typer.Option("--type", metavar="TYPE", help="Only of this type: device_moved, ..."),
]
Actor = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only what this user, token or device did.")
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="From then on: 2h (ago), 2026-03-14, ...")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Until before then.")]


@app.command("list")
def list_events(
    *,
    entity: Entity = None,
    entity_id: EntityId = None,
    type_: Type = None,
    actor: Actor = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most N events.")] = _LISTED,
    output: Output = Format.TABLE,
) -> None:
    """List what was changed, newest first.

    Examples:
        iotctl journal list --entity device --id crane-7
        iotctl journal list --type device_deleted --since 30d -o json
    """
    wanted = {
        "entity": entity,
        "entity_id": entity_id,
        "type": type_,
        "actor": actor,
        "since": since,
        "until": until,
    }
    Listing(PATH, "events", "events", "newest").show(wanted, _COLUMNS, limit, output)


@app.command()
def show(
    position: Annotated[int, typer.Argument(metavar="POSITION", min=1, help="Its place.")],
    output: Output = Format.TABLE,
) -> None:
    """Show one event, with all that it says and the request that it came from.

    Example:
        iotctl journal show 1042
    """
    with open_gateway() as gateway:
        event = gateway.get(f"{PATH}/{position}")
    if output.is_for_programs:
        print_data(event, output)
        return
    data = event.pop("data")
    print_fields({name.replace("_", " "): value for name, value in event.items()})
    typer.echo()
    print_json(data)


@app.command()
def tail(
    *,
    entity: Entity = None,
    entity_id: EntityId = None,
    type_: Type = None,
    actor: Actor = None,
    lines: Annotated[
        int,
        typer.Option("--lines", "-n", metavar="N", min=0, max=PAGE_SIZE, help="Begin with N."),
    ] = _TAIL_LINES,
    output: Output = Format.TABLE,
) -> None:
    """Print the newest events, and then each as it happens, until Ctrl-C.

    None is printed twice and none is left out. JSON comes as one object a line.

    Examples:
        iotctl journal tail
        iotctl journal tail --entity device -n 0 -o json
    """
    wanted = {"entity": entity, "entity_id": entity_id, "type": type_, "actor": actor}
    with open_gateway() as gateway:
        _print_lines(_follow(gateway, wanted, lines), output)


def _follow(gateway: Gateway, wanted: Parameters, first_count: int) -> Iterator[Answer]:
    newest = gateway.get(PATH, {"limit": 1})["events"]
    position = newest[0]["position"] if newest else 0
    if first_count:
        first = gateway.get(PATH, {**wanted, "limit": first_count})["events"]
        yield from reversed(first)
        # What came in between the two questions was given already.
        position = max([position, *(event["position"] for event in first)])
    while True:
        asked: Parameters = {**wanted, "after": position, "limit": PAGE_SIZE}
        page = ask_patiently(gateway, PATH, asked, POLL_INTERVAL_S)["events"]
        yield from page
        if page:
            position = page[-1]["position"]
        if len(page) < PAGE_SIZE:
            time.sleep(POLL_INTERVAL_S)


def _print_lines(events: Iterable[Answer], output: Format) -> None:
    widths = [0, 0, 0]
    for event in events:
        if output is Format.JSON:
            typer.echo(json.dumps(event, ensure_ascii=False))
            continue
        what = f"{event['entity']} {event['entity_id']}"
        texts = [printable(text) for text in (event["actor"], event["type"], what)]
        # Columns stay where they are until a longer text comes.
        widths = [max(width, len(text)) for width, text in zip(widths, texts, strict=True)]
        padded = "  ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True))
        line = f"{event['recorded_at']}  {padded}  {show_detail(event['data'])}"
        typer.echo(line.removesuffix(BLANK).rstrip())


def show_detail(data: dict[str, Any]) -> str:
    """Show what an event says in one line: `site=harbour organisation=default`."""
    told = {name: value for name, value in data.items() if value not in (None, [], "")}
    text = " ".join(f"{name}={_plain(value)}" for name, value in told.items())
    if len(text) > _DETAIL_LENGTH_MAX:
        text = f"{text[: _DETAIL_LENGTH_MAX - 1]}\N{HORIZONTAL ELLIPSIS}"
    return printable(text) or BLANK


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_COLUMNS = (
    Column("position", "POSITION", align="right"),
    Column("recorded_at", "RECORDED AT"),
    Column("actor", "ACTOR"),
    Column("type", "TYPE"),
    Column("entity", "ENTITY"),
    Column("entity_id", "ID"),
    Column("data", "SAYS", show=show_detail),
)
