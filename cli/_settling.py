"""Settles dead letters round by round, because the gateway bounds what one request does."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from cli._client import Answer, Gateway, Parameters
from cli._output import print_note
from weir.errors import ConflictError, NotFoundError, WeirError

PATH = "/v1/dead-letters"
#: Letters settled by one request: they take a second or so, far from the client's patience.
ROUND_SIZE = 500


def settle_each(
    gateway: Gateway, verb: str, dead_letter_ids: Iterable[int]
) -> tuple[list[int], list[Answer]]:
    """Settle letters one by one; give those that were, and why the others were not.

    Raises:
        WeirError: the gateway or what it depends on is away; those before are settled.
    """
    settled = []
    refused: list[Answer] = []
    for dead_letter_id in dead_letter_ids:
        try:
            gateway.post(f"{PATH}/{dead_letter_id}/{verb}")
        except (ConflictError, NotFoundError) as error:
            refused.append({"dead_letter_id": dead_letter_id, "error": str(error)})
        else:
            settled.append(dead_letter_id)
    return settled, refused


def settle_all(
    gateway: Gateway, verb: str, wanted: Mapping[str, str | None], total: int
) -> tuple[int, int]:
    """Settle the letters that the filters match and that are there now; give how many, and left.

    `total`: how many are expected, for the bar.

    Raises:
        WeirError: the gateway or what it depends on is away; how many were settled is noted.
    """
    with _bar(verb, total) as advance:
        return _run(lambda page: gateway.post(f"{PATH}/{verb}", {**wanted, **page}), advance)


def replay_approved(gateway: Gateway, path: str) -> tuple[bool, int, int]:
    """Approve a device and replay what it sent: whether it waited, how many, and how many are left.

    Raises:
        WeirError: as `settle_all` does.
    """
    first = gateway.post(path, {"limit": ROUND_SIZE})
    total = first["settled_count"] + first["left_count"]
    with _bar("replay", total) as advance:
        answers = iter([first])

        def ask(page: Parameters) -> Answer:
            # An approval finds by itself what is left: it takes no cursor.
            return next(answers, None) or gateway.post(path, {"limit": page["limit"]})

        settled, left = _run(ask, advance)
    return first["was_pending"], settled, left


def _run(ask: Callable[[Parameters], Answer], advance: Callable[[int], object]) -> tuple[int, int]:
    settled = 0
    cursor: str | None = None
    try:
        while True:
            answer = ask({"limit": ROUND_SIZE, "cursor": cursor})
            settled += answer["settled_count"]
            advance(settled)
            cursor = answer["next_cursor"]
            if cursor is None:
                return settled, answer["left_count"]
    except WeirError:
        if settled:
            print_note(f"{settled} were settled before this:")
        raise


@contextmanager
def _bar(verb: str, total: int) -> Iterator[Callable[[int], object]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(verb), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(verb, total=total)
        yield lambda settled: bar.update(task, completed=settled)
