"""Verifies rollups page by page, and looks again at what was found: it may just have come late."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cli._client import Answer, Gateway, Parameters
from cli._progress import share_bar
from weir.errors import ConflictError

PATH = "/v1/aggregates/verification"
PROGRESS_PATH = "/v1/aggregates/progress"
#: How often a difference must be found, each time after the rollups have come on.
ROUNDS = 3
#: A minute waits up to 65 s for its late readings before it is computed.
PASS_WAIT_S = 100.0
POLL_INTERVAL_S = 1.0
#: With so many there is no doubt, and no use in more.
DIFFERENCES_MAX = 10_000
#: The longest bucket is a site's day on which clocks are put back.
_BUCKET_MAX = timedelta(hours=25)
#: What makes two differences the same: where it is, and what is stored there.
_IDENTITY = ("level", "serial", "field", "bucket", "column", "stored")

#: How far each stream was written.
_Offsets = dict[str, int]


@dataclass(slots=True)
class Verified:
    """What a verification has found.

    Attributes:
        levels: counts by level, in the gateway's order.
        settled_until: what ends later was not looked at.
        is_complete: False: it was ended because there were too many differences.
        is_certain: False: the rollups did not come on, so differences may be late readings.
        written_offsets: how far each stream was written when differences were last found.
    """

    levels: dict[str, Answer] = field(default_factory=dict)
    differences: list[Answer] = field(default_factory=list)
    settled_until: str | None = None
    is_complete: bool = True
    is_certain: bool = True
    written_offsets: _Offsets = field(default_factory=dict)

    def add(self, page: Answer) -> None:
        """Take what a page has found."""
        self.settled_until = page["settled_until"]
        for level in page["levels"]:
            counted = self.levels.setdefault(level["level"], dict.fromkeys(level, 0))
            for name, value in level.items():
                counted[name] = value if name == "level" else counted[name] + value
        self.differences += page["differences"]
        if page["differences"]:
            self.written_offsets = {
                each["stream"]: each["written_offset"] for each in page["streams"]
            }

    def to_json(self) -> Mapping[str, object]:
        """Give what `-o json` prints."""
        return {
            "settled_until": self.settled_until,
            "levels": list(self.levels.values()),
            "differences": self.differences,
            "is_complete": self.is_complete,
            "is_certain": self.is_certain,
        }


def verify_rollups(gateway: Gateway, wanted: Parameters) -> Verified:
    """Verify the rollups that are wanted; gives the differences that are there to stay.

    Raises:
        ConflictError: nothing is rolled up yet, so there is nothing to verify.
        WeirError: the gateway refuses, or is away.
    """
    with share_bar("verify") as show:
        verified = _first_round(gateway, wanted, show)
    for _ in range(1, ROUNDS):
        if not verified.differences:
            break
        with share_bar("wait for late readings") as show:
            verified.is_certain = _has_passed(gateway, verified.written_offsets, show)
        if not verified.is_certain:
            break
        with share_bar("look again") as show:
            _look_again(gateway, verified, show)
    return verified


def _first_round(gateway: Gateway, wanted: Parameters, show: Callable[[float], object]) -> Verified:
    verified = Verified()
    for page in _pages(gateway, wanted):
        if page["settled_until"] is None:
            raise ConflictError(
                "nothing is rolled up yet, so there is nothing to verify: does the consumer "
                "aggregates run? (`iotctl run aggregates`)"
            )
        verified.add(page)
        show(page["done_share"])
        if len(verified.differences) >= DIFFERENCES_MAX:
            verified.is_complete = page["next_cursor"] is None
            break
    return verified


def _look_again(gateway: Gateway, verified: Verified, show: Callable[[float], object]) -> None:
    """Keep the differences that are still there; a bucket that was written since is right again."""
    again = Verified()
    windows = _windows(verified.differences)
    for index, window in enumerate(windows):
        for page in _pages(gateway, window):
            again.add(page)
        show((index + 1) / len(windows))
    found = {_identity(each) for each in again.differences}
    verified.differences = [each for each in verified.differences if _identity(each) in found]
    verified.written_offsets = again.written_offsets


def _pages(gateway: Gateway, wanted: Parameters) -> Iterator[Answer]:
    cursor: str | None = None
    while True:
        page = gateway.get(PATH, {**wanted, "cursor": cursor})
        yield page
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _has_passed(gateway: Gateway, written: _Offsets, show: Callable[[float], object]) -> bool:
    """Wait until the rollups have everything that was written; False when they do not come on."""
    deadline = time.monotonic() + PASS_WAIT_S
    while True:
        streams = gateway.get(PROGRESS_PATH)["streams"]
        rolled = {each["stream"]: each["rolled_offset"] for each in streams}
        if all(rolled.get(stream, 0) >= offset for stream, offset in written.items()):
            return True
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False
        show(1 - left_s / PASS_WAIT_S)
        time.sleep(POLL_INTERVAL_S)


def _windows(differences: list[Answer]) -> list[dict[str, Any]]:
    """Give one window for each series in which all its buckets end that differ."""
    starts: dict[tuple[str, str], list[datetime]] = {}
    for each in differences:
        start = datetime.fromisoformat(each["bucket"])
        starts.setdefault((each["serial"], each["field"]), []).append(start)
    return [
        {
            "serial": serial,
            "field": name,
            "since": _text(min(found)),
            "until": _text(max(found) + _BUCKET_MAX),
        }
        for (serial, name), found in starts.items()
    ]


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _identity(difference: Answer) -> tuple[Any, ...]:
    return tuple(difference[name] for name in _IDENTITY)
