"""Follows a device's readings by polling, each time from exactly where the last answer ended."""

import time
from collections.abc import Iterator

from cli._client import Answer, Gateway, Parameters
from cli._output import print_note
from weir.errors import GatewayUnavailableError

PATH = "/v1/readings/tail"
POLL_INTERVAL_S = 0.5
#: Readings asked for at once; an answer with as many is followed by the next question at once.
PAGE_SIZE = 1_000
RETRY_INTERVAL_S = 2.0


def follow(gateway: Gateway, wanted: Parameters, first_count: int) -> Iterator[Answer]:
    """Give the newest `first_count` readings, and then each that comes in, once; never ends.

    A gateway that goes away is waited for; what came in meanwhile is given then.

    Raises:
        WeirError: the first question fails, or the gateway refuses.
    """
    page = gateway.get(PATH, {**wanted, "limit": max(first_count, 1)})
    # The least that can be asked for is one reading of each field: it is where to begin.
    yield from page["readings"] if first_count else []
    while True:
        page = _ask(gateway, {**wanted, "limit": PAGE_SIZE, "cursor": page["cursor"]})
        yield from page["readings"]
        if len(page["readings"]) < PAGE_SIZE:
            time.sleep(POLL_INTERVAL_S)


def _ask(gateway: Gateway, parameters: Parameters) -> Answer:
    is_away = False
    while True:
        try:
            answer = gateway.get(PATH, parameters)
        except GatewayUnavailableError as error:
            if not is_away:
                print_note(f"waiting: {error}")
            is_away = True
            time.sleep(RETRY_INTERVAL_S)
        else:
            if is_away:
                print_note("the gateway is back")
            return answer
