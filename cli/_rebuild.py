"""Follows rollups that are computed again, and says so when nobody computes them."""

import time
from datetime import datetime

import typer

from cli._client import Answer, Gateway
from cli._output import print_note
from cli._progress import share_bar

PATH = "/v1/aggregates/rebuilds"
POLL_INTERVAL_S = 0.5
#: A day of the busiest series takes some seconds.
STALLED_AFTER_S = 15.0


def parse_range(since: str | None, until: str | None, range_: str | None) -> tuple[str, str | None]:
    """Give since and until, which may be written as `A..B`.

    Raises:
        BadParameter: they are given twice, or not at all.
    """
    if range_ is None:
        if since is None:
            raise typer.BadParameter("say since when: --since, or --range A..B")
        return since, until
    start, separator, end = range_.partition("..")
    if since is not None or until is not None:
        raise typer.BadParameter("--range is --since and --until: give one of them")
    if not separator or not start:
        raise typer.BadParameter(f"--range: {range_!r} is not like 2026-11-01..2026-11-08")
    return start, end or None


def follow_rebuild(gateway: Gateway, last_id: int) -> None:
    """Return when all requests up to this one are done; they are worked off in their order.

    Raises:
        WeirError: the gateway refuses, or is away; the work goes on.
    """
    total = 0
    seen: tuple[int, str | None] | None = None
    moved_at = time.monotonic()
    with share_bar("compute") as show:
        while True:
            page = gateway.get(PATH, {"last_id": last_id, "limit": 1})
            open_count, first = page["open_count"], next(iter(page["rebuilds"]), None)
            if not open_count:
                show(1.0)
                return
            total = max(total, open_count)
            show((total - open_count + _share(first)) / total)
            now = (open_count, first and first["done_until"])
            if now != seen:
                seen, moved_at = now, time.monotonic()
            elif time.monotonic() - moved_at > STALLED_AFTER_S:
                print_note(
                    f"nothing has moved for {STALLED_AFTER_S:g} s: does the consumer aggregates "
                    "run? (`iotctl run aggregates`; what was asked for waits for it)"
                )
                moved_at = float("inf")
            time.sleep(POLL_INTERVAL_S)


def _share(rebuild: Answer | None) -> float:
    """Tell how much of one request is done; 0 where it has no beginning or end."""
    if rebuild is None or None in (rebuild["since"], rebuild["until"], rebuild["done_until"]):
        return 0.0
    since, until, done_until = (
        datetime.fromisoformat(rebuild[name]) for name in ("since", "until", "done_until")
    )
    return min(max((done_until - since) / (until - since), 0.0), 1.0)
