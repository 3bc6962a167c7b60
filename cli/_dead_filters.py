"""Which dead letters a command of `iotctl dead` is about: the options that they share."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from cli._client import Parameters
from cli._completion import complete_serial

Reason = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Only this reason: undecodable, implausible, ..."),
]
Device = Annotated[
    str | None,
    typer.Option(metavar="SERIAL", autocompletion=complete_serial, help="Only from this device."),
]
Consumer = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only what this consumer rejected.")
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only those kept since: 2h, 2026-11-20, ...")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only those kept before.")]


class State(StrEnum):
    """What became of dead letters."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ALL = "all"


StateOption = Annotated[State, typer.Option("--state", help="What became of them.")]


def filters(
    *,
    reason: str | None,
    device: str | None,
    consumer: str | None,
    since: str | None,
    until: str | None,
) -> Mapping[str, str | None]:
    """Say it in the words of the gateway."""
    return {
        "reason": reason,
        "serial": device,
        "consumer": consumer,
        "since": since,
        "until": until,
    }


def with_state(wanted: Mapping[str, str | None], state: State) -> Parameters:
    """Add the state to filters."""
    return {**wanted, "state": None if state is State.ALL else state.value}
