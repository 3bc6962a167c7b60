"""Follows devices as they come and go, over whatever happens to the gateway meanwhile."""

import json
from collections.abc import Iterable, Iterator, Sequence

import typer

from cli._client import Answer, Gateway, Parameters
from cli._follow import ask_patiently
from cli._output import Format, printable

PATH = "/v1/live/devices"
WAIT_S = 20
PAGE_SIZE = 500


def follow_devices(gateway: Gateway, serials: Sequence[str]) -> Iterator[Answer]:
    """Give each change from now on, once; never ends. A gateway that goes away is waited for.

    Raises:
        WeirError: the first question fails, or the gateway refuses.
    """
    position = gateway.get(PATH)["position"]
    while True:
        page = _ask(gateway, serials, position)
        yield from page["changes"]
        position = page["position"]


def print_changes(changes: Iterable[Answer], output: Format) -> None:
    """Print a line for each change as it comes; for programs a JSON object."""
    for change in changes:
        if output.is_for_programs:
            typer.echo(json.dumps(change, ensure_ascii=False))
            continue
        told = [change["reason"], change["site"] and f"site={change['site']}"]
        rest = "  ".join(printable(text) for text in told if text)
        line = f"{change['recorded_at']}  {printable(change['serial'])}  {change['type']}  {rest}"
        typer.echo(line.rstrip())


def _ask(gateway: Gateway, serials: Sequence[str], position: int) -> Answer:
    wanted: Parameters = {
        "after": position,
        "wait_s": WAIT_S,
        "limit": PAGE_SIZE,
        "serial": list(serials),
    }
    return ask_patiently(gateway, PATH, wanted)
