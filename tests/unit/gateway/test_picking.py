"""What a listener is told of a message."""

from gateway.live.picking import Wanted, pieces_of
from gateway.live.window import Message

NOW_US = 1_790_000_000_000_000
BODY = b"""{"fields": [
    {"name": "level", "start": "2026-09-01T00:00:00Z", "period_us": 1000, "values": [1.0, 2.0]},
    {"name": "flow", "quality": "uncertain", "times": ["2026-09-01T00:00:00Z"], "values": [3.0]}
]}"""


def test_a_doubted_reading_says_so_and_others_say_nothing() -> None:
    message = Message(0, "tank-1", "measurements.json", BODY, NOW_US)

    (piece,) = pieces_of(message, Wanted(frozenset(), frozenset(), {}), 0)

    readings = piece.data["readings"]
    assert [
        ("level", 1.0, None),
        ("level", 2.0, None),
        ("flow", 3.0, "uncertain"),
    ] == [(each["field"], each["value"], each.get("quality")) for each in readings]
