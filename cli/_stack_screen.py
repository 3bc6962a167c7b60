"""What `iotctl up` shows: one calm screen on a terminal, plain lines elsewhere."""

from typing import Self

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli._stack_view import STATE_STYLES, TITLES, addresses, cells, headline, state_text
from weir.embedded.lifecycle import PartState
from weir.embedded.state import StackState

_RIGHT_ALIGNED = frozenset({"PORT", "RESTARTS", "READINGS/S", "LAG"})
_HEADLINE_STYLES = {"ready": "bold green", "starting": "bold yellow", "stopping": "bold yellow"}


class LiveScreen:
    """Redraws one screen in place; use it as a context manager."""

    def __init__(self) -> None:
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Tell a step above the screen."""
        self._console.print(Text(text, style="dim"))

    def show(self, state: StackState) -> None:
        """Draw how everything is."""
        self._live.update(render(state), refresh=True)


class PlainScreen:
    """Prints a line for each change; use it as a context manager."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._was_ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def say(self, text: str) -> None:
        """Print a step."""
        typer.echo(text)

    def show(self, state: StackState) -> None:
        """Print what has changed, and the addresses once everything is ready."""
        for part in state.parts:
            text = state_text(part)
            if part.state is not PartState.WAITING and self._shown.get(part.name) != text:
                self._shown[part.name] = text
                log = f": see {part.log}" if part.state is PartState.BACKING_OFF else ""
                typer.echo(f"{part.name:<14}{text}{log}")
        if state.is_ready and not self._was_ready:
            self._was_ready = True
            seconds = (state.updated_at - state.started_at).total_seconds()
            typer.echo(f"ready after {seconds:.1f} s")
            for name, address, credentials in addresses(state):
                typer.echo(f"{name:<14}{address}  ({credentials})")


def render(state: StackState) -> RenderableType:
    """Lay out the screen."""
    headline_text = headline(state)
    title = Text.assemble(
        ("Weir  ", "bold"),
        (headline_text, _HEADLINE_STYLES.get(headline_text, "bold red")),
    )
    # The addresses come first: a terminal of few lines cuts the end.
    return Group(
        Padding(title, (0, 0, 1, 1)),
        Padding(_addresses(state), (0, 0, 1, 1)),
        Padding(_parts(state), (0, 0, 1, 1)),
        Padding(Text("Ctrl-C stops everything; the data stays.", style="dim"), (0, 0, 0, 1)),
    )


def _parts(state: StackState) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for title in TITLES:
        table.add_column(title, justify="right" if title in _RIGHT_ALIGNED else "left")
    for part in state.parts:
        name, state_cell, *rest = cells(part)
        table.add_row(name, Text(state_cell, style=STATE_STYLES[part.state]), *rest)
    return table


def _addresses(state: StackState) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False)
    for name, address, credentials in addresses(state):
        table.add_row(Text(name, style="dim"), address, Text(credentials, style="dim"))
    return table
