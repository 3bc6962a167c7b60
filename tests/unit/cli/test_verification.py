"""Which differences are there to stay: a gateway that answers from a script."""

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from cli import _verification
from cli._client import Gateway
from cli._verification import PROGRESS_PATH, ROUNDS, Verified, verify_rollups
from weir.errors import ConflictError

WRITTEN = 10


def difference(stored: float = 1.0, **changes: str) -> dict[str, Any]:
    return {
        "level": "minute",
        "serial": "meter-1",
        "field": "power",
        "bucket": "2026-03-14T15:09:00.000000Z",
        "column": "sum",
        "stored": stored,
        "expected": 2.0,
    } | changes


def page(*differences: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    level = {"level": "minute", "checked_count": 5, "unverifiable_count": 1, "waiting_count": 0}
    return {
        "settled_until": "2026-03-14T16:00:00.000000Z",
        "streams": [{"stream": "a stream", "written_offset": WRITTEN, "rolled_offset": 3}],
        "levels": [level],
        "differences": differences,
        "done_share": 0.5,
        "next_cursor": cursor,
    }


def verify(pages: Sequence[dict[str, Any]], rolled_offset: int = WRITTEN) -> Verified:
    """Verify with these answers, one after the other; all of them must be asked for."""
    answers = iter(pages)
    streams = [{"stream": "a stream", "rolled_offset": rolled_offset}]

    def answer(request: httpx.Request) -> httpx.Response:
        is_progress = request.url.path == PROGRESS_PATH
        body = {"streams": streams} if is_progress else next(answers)
        return httpx.Response(200, content=json.dumps(body))

    client = httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answer))
    verified = verify_rollups(Gateway(client, "no advice"), {})
    assert next(answers, None) is None
    return verified


def test_pages_are_added_up() -> None:
    verified = verify([page(cursor="1"), page()])
    assert (10, 2) == (
        verified.levels["minute"]["checked_count"],
        verified.levels["minute"]["unverifiable_count"],
    )


def test_a_difference_that_is_found_in_every_round_is_one() -> None:
    verified = verify([page(difference())] * ROUNDS)
    assert ([difference()], True) == (verified.differences, verified.is_certain)


@pytest.mark.parametrize(
    "later",
    [page(), page(difference(1.5)), page(difference(bucket="2026-03-14T15:10:00.000000Z"))],
    ids=["right", "written since", "another bucket"],
)
def test_what_came_late_is_no_difference(later: dict[str, Any]) -> None:
    assert [] == verify([page(difference()), later]).differences


def test_it_is_said_when_the_rollups_do_not_come_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_verification, "PASS_WAIT_S", 0.0)
    verified = verify([page(difference())], rolled_offset=WRITTEN - 1)
    assert ([difference()], False) == (verified.differences, verified.is_certain)


def test_too_many_differences_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_verification, "DIFFERENCES_MAX", 1)
    verified = verify([page(difference(), cursor="1"), *[page(difference())] * (ROUNDS - 1)])
    assert not verified.is_complete


def test_nothing_can_be_verified_before_anything_is_rolled_up() -> None:
    with pytest.raises(ConflictError, match="iotctl run aggregates"):
        verify([page() | {"settled_until": None}])
