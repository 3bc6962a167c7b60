"""The options of commands that read a window of time, and how they ask for it."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from cli._client import Answer, Gateway, Parameters
from cli._output import print_note

#: Printed of the newest when no window is given.
LAST = 20
LIMIT = 1_000
LAST_MAX = 1_000

Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From then on: 5m (ago), 1h30m, 2026-03-14T15:09:26Z."),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Until before then.")]
Last = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=LAST_MAX, help="Only the last N.")
]
Limit = Annotated[int, typer.Option(metavar="N", min=0, help="At most N rows; 0: all.")]


class RowFormat(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    YAML = "yaml"
    CSV = "csv"


def last_wanted(last: int | None, since: str | None, until: str | None) -> int | None:
    """Tell how many of the newest are wanted; None: a window is, from its start on."""
    return LAST if last is None and since is None and until is None else last


def read_rows(
    gateway: Gateway, path: str, wanted: Parameters, *, last: int | None, limit: int
) -> Iterator[Answer]:
    """Give the newest `last` rows, or the first `limit` (0: all), and note when there are more.

    The rows are under the name that the path ends with.

    Raises:
        WeirError: the gateway is away, or refuses.
    """
    key = path.rpartition("/")[2]
    if last is not None:
        yield from gateway.get(path, {**wanted, "newest": True, "limit": last})[key]
        return
    # One more than is given tells whether there are others.
    found = gateway.get_all(path, wanted, key=key, limit=limit + 1 if limit else None)
    yield from islice(found, limit or None)
    if next(found, None) is not None:
        print_note(f"and more: only the first {limit} are printed (--limit)")
