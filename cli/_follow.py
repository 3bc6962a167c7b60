"""Follows what devices tell by polling, each time from exactly where the last answer ended."""

import time
from collections.abc import Iterator

from cli._client import Answer, Gateway, Parameters
from cli._output import print_note
from weir.errors import GatewayUnavailableError

POLL_INTERVAL_S = 0.5
#: Rows asked for at once; an answer with as many is followed by the next question at once.
PAGE_SIZE = 1_000
RETRY_INTERVAL_S = 2.0


def follow(gateway: Gateway, path: str, wanted: Parameters, first_count: int) -> Iterator[Answer]:
    """Give the newest `first_count` rows of `path`, and then each that comes in, once; never ends.

    The path is that of the rows with `/tail` behind it. A gateway that goes away is waited for;
    what came in meanwhile is given then.

    Raises:
        WeirError: the first question fails, or the gateway refuses.
    """
    key = path.removesuffix("/tail").rpartition("/")[2]
    page = gateway.get(path, {**wanted, "limit": max(first_count, 1)})
    # The least that can be asked for is one row: it is where to begin.
    yield from page[key] if first_count else []
    while True:
        page = ask_patiently(
            gateway, path, {**wanted, "limit": PAGE_SIZE, "cursor": page["cursor"]}
        )
        yield from page[key]
        if len(page[key]) < PAGE_SIZE:
            time.sleep(POLL_INTERVAL_S)


def ask_patiently(
    gateway: Gateway,
    path: str,
    parameters: Parameters,
    retry_interval_s: float = RETRY_INTERVAL_S,
) -> Answer:
    """Ask until the gateway answers; says once that it is away, and once that it is back.

    Raises:
        WeirError: the gateway refuses.
    """
    is_away = False
    while True:
        try:
            answer = gateway.get(path, parameters)
        except GatewayUnavailableError as error:
            if not is_away:
                print_note(f"waiting: {error}")
            is_away = True
            time.sleep(retry_interval_s)
        else:
            if is_away:
                print_note("the gateway is back")
            return answer
