"""How a dead letter is shown to people: what is known of it, its bytes, and what they mean."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from cli._client import Answer
from cli._output import Column, print_fields, print_note, print_table

_DUMP_WIDTH = 16
#: Bytes of a body that are shown to people; `-o json` has all.
_DUMP_BYTES_MAX = 1_024
_FIRST_PRINTABLE, _LAST_PRINTABLE = 0x20, 0x7E


def print_letter(letter: Answer) -> None:
    """Print what is known of a letter, and a dump of its body."""
    known = {name: value for name, value in letter.items() if name != "body_base64"}
    body = b64decode(letter["body_base64"])
    print_fields(_spaced(known))
    typer.echo()
    for line in hex_dump(body[:_DUMP_BYTES_MAX]):
        typer.echo(line)
    if len(body) > _DUMP_BYTES_MAX:
        print_note(f"and {len(body) - _DUMP_BYTES_MAX} bytes more (-o json has all)")


def print_decoded(decoded: Answer) -> None:
    """Print what a letter says, or why nobody knows."""
    kind = {"kind": decoded["kind"]}
    if decoded["rejection"]:
        print_fields({**kind, **decoded["rejection"]})
        return
    print_fields({**kind, **_spaced(decoded["properties"])})
    rows = decoded["rows"]
    if rows:
        typer.echo()
        # Texts and numbers have summaries of their own: a row may lack what another one has.
        keys = dict.fromkeys(key for row in rows for key in row)
        print_table(rows, [Column(key, key.replace("_", " ").upper()) for key in keys])
    if decoded["row_count"] > len(rows):
        print_note(f"and {decoded['row_count'] - len(rows)} rows more")


def hex_dump(body: bytes) -> Iterator[str]:
    """Give the lines of a dump: offset, bytes, and the characters that are ASCII."""
    for offset in range(0, len(body), _DUMP_WIDTH):
        chunk = body[offset : offset + _DUMP_WIDTH]
        characters = "".join(
            chr(byte) if _FIRST_PRINTABLE <= byte <= _LAST_PRINTABLE else "." for byte in chunk
        )
        yield f"{offset:08x}  {chunk.hex(' '):<{_DUMP_WIDTH * 3 - 1}}  {characters}"


def _spaced(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", " "): value for name, value in fields.items()}
