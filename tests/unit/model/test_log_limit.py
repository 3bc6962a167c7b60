"""How many log lines of one device are taken."""

from weir.model.device_log import Level, LogBatch, LogEntry
from weir.model.log_limit import DEVICES_MAX, RESERVE_S, LogLimit, Reserve

LINE = LogEntry(0, Level.INFO, "again", {})
S = 1_000_000


def batch(count: int, at_s: float, serial: str = "pump-1") -> LogBatch:
    return LogBatch(serial, 0, int(at_s * S), 0, [LINE] * count)


def taken(limit: LogLimit, *batches: LogBatch) -> list[tuple[int, int]]:
    cut, reserves = limit.cut(batches)
    limit.settle(reserves)
    return [(len(each.entries), each.dropped_count) for each in cut]


def test_a_device_that_was_silent_may_send_its_reserve_and_no_more() -> None:
    limit = LogLimit(0.01)
    assert [(int(0.01 * RESERVE_S), 5)] == taken(limit, batch(15, 0))


def test_the_reserve_fills_up_again_with_time() -> None:
    limit = LogLimit(1)
    assert [(1_000, 0), (0, 3)] == taken(limit, batch(1_000, 0), batch(3, 0.5))
    assert [(2, 1)] == taken(limit, batch(3, 2.5))
    assert [(1_000, 1)] == taken(limit, batch(1_001, 1e6))


def test_other_devices_are_not_limited_by_it() -> None:
    limit = LogLimit(0.001)
    assert [(1, 8), (1, 0)] == taken(limit, batch(9, 0), batch(1, 0, "pump-2"))


def test_what_was_not_stored_is_decided_anew() -> None:
    limit = LogLimit(0.001)
    limit.cut([batch(1, 0)])
    assert [(1, 0)] == taken(limit, batch(1, 0))


def test_a_clock_that_goes_back_gives_nothing() -> None:
    limit = LogLimit(1)
    taken(limit, batch(1_000, 1_000))
    assert [(0, 1)] == taken(limit, batch(1, 0))


def test_the_devices_remembered_are_bounded() -> None:
    limit = LogLimit(0.001)
    limit.settle({f"d{number}": Reserve(0, 0) for number in range(DEVICES_MAX)})
    limit.settle({"one more": Reserve(0, 0)})
    assert [(1, 0)] == taken(limit, batch(1, 0, "d0"))
