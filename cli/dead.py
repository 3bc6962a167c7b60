"""List and show dead letters: messages that were rejected and kept.

Examples:
    iotctl dead list --reason undecodable
    iotctl dead show 17
"""

from base64 import b64decode
from collections.abc import Iterator
from typing import Annotated

import typer

from cli._client import open_gateway
from cli._output import (
    Column,
    Format,
    Output,
    print_fields,
    print_json,
    print_note,
    print_rows,
    show_age,
)
from weir.clock import SystemClock

app = typer.Typer()

_LISTED = 50
_DUMP_WIDTH = 16
#: Bytes of a body that are shown to people; `-o json` has all.
_DUMP_BYTES_MAX = 1_024
_FIRST_PRINTABLE, _LAST_PRINTABLE = 0x20, 0x7E


@app.command("list")
def list_dead_letters(
    *,
    reason: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Only this reason: undecodable, implausible, ..."),
    ] = None,
    consumer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what this consumer rejected.")
    ] = None,
    serial: Annotated[
        str | None, typer.Option(metavar="SERIAL", help="Only from this device.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most N dead letters.")
    ] = _LISTED,
    output: Output = Format.TABLE,
) -> None:
    """List dead letters, newest first.

    Example:
        iotctl dead list --serial crane-7 --limit 10
    """
    wanted = {"reason": reason, "consumer": consumer, "serial": serial}
    with open_gateway() as gateway:
        # One more than is shown tells whether there are others.
        found = list(
            gateway.get_all("/v1/dead-letters", wanted, key="dead_letters", limit=limit + 1)
        )
    columns = [
        Column("dead_letter_id", "ID", align="right"),
        Column("recorded_at", "KEPT", align="right", show=show_age(SystemClock().now())),
        Column("reason", "REASON"),
        Column("consumer", "CONSUMER"),
        Column("serial", "SERIAL"),
        Column("body_bytes", "BYTES", align="right"),
        Column("error", "ERROR"),
    ]
    print_rows(found[:limit], columns, output)
    if not found:
        print_note("no dead letters")
    elif len(found) > limit:
        print_note(f"and more: only the newest {limit} are listed (--limit)")


@app.command()
def show(
    dead_letter_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="Its number.")],
    output: Output = Format.TABLE,
) -> None:
    """Show one dead letter: why it was rejected, where it came from, and what is in it.

    Example:
        iotctl dead show 17
    """
    with open_gateway() as gateway:
        letter = gateway.get(f"/v1/dead-letters/{dead_letter_id}")
    if output is Format.JSON:
        print_json(letter)
        return
    body = b64decode(letter.pop("body_base64"))
    print_fields({name.replace("_", " "): value for name, value in letter.items()})
    typer.echo()
    for line in hex_dump(body[:_DUMP_BYTES_MAX]):
        typer.echo(line)
    if len(body) > _DUMP_BYTES_MAX:
        print_note(f"and {len(body) - _DUMP_BYTES_MAX} bytes more (-o json has all)")


def hex_dump(body: bytes) -> Iterator[str]:
    """Give the lines of a dump: offset, bytes, and the characters that are ASCII."""
    for offset in range(0, len(body), _DUMP_WIDTH):
        chunk = body[offset : offset + _DUMP_WIDTH]
        characters = "".join(
            chr(byte) if _FIRST_PRINTABLE <= byte <= _LAST_PRINTABLE else "." for byte in chunk
        )
        yield f"{offset:08x}  {chunk.hex(' '):<{_DUMP_WIDTH * 3 - 1}}  {characters}"
