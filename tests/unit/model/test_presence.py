"""Who is there: what a device says, in whatever order it comes, and what its silence means."""

from datetime import datetime, timedelta
from random import Random

import pytest

from weir.model.configuration import StateReport
from weir.model.presence import (
    Link,
    OfflineReason,
    OnlineReason,
    Patience,
    Sign,
    Watch,
    after_report,
    has_come,
    has_left,
)
from weir.testing.clock import START

PATIENCE = Patience(timedelta(minutes=5), timedelta(seconds=10), timedelta(seconds=60))
LONG_AGO = START - timedelta(days=1)
OFFLINE_STATE = StateReport(is_online=False)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def online(boot_id: int = 0, clock_s: float | None = None) -> StateReport:
    return StateReport(
        is_online=True, boot_id=boot_id, reported_at=None if clock_s is None else at(clock_s)
    )


def offline(boot_id: int = 0, clock_s: float | None = None) -> StateReport:
    return StateReport(
        is_online=False, boot_id=boot_id, reported_at=None if clock_s is None else at(clock_s)
    )


def link_after(interval_s: float, *reports: StateReport) -> Link:
    """Take note of reports, so many seconds after each other."""
    link = Link()
    for number, report in enumerate(reports):
        link = after_report(link, report, at(number * interval_s))
    return link


@pytest.mark.parametrize(
    ("interval_s", "reports", "reason"),
    [
        (60, (online(), OFFLINE_STATE), OfflineReason.LAST_WILL),
        (60, (online(1, 0), offline(1, 0)), OfflineReason.LAST_WILL),
        (60, (online(1, 0), offline(1, 40)), OfflineReason.FAREWELL),
        (60, (online(clock_s=0), offline(clock_s=40)), OfflineReason.FAREWELL),
        # It has said again that it is there meanwhile, over the same connection.
        (60, (online(1, 0), online(1, 30), offline(1, 0)), OfflineReason.LAST_WILL),
        (60, (online(1, 0), online(1, 30), OFFLINE_STATE), OfflineReason.LAST_WILL),
        # The new connection was faster than the last will of the old one.
        (1, (online(1, 0), online(1, 30), offline(1, 0)), None),
        (1, (online(1, 0), online(1, 30), OFFLINE_STATE), None),
        (1, (online(clock_s=0), online(clock_s=30), offline(clock_s=0)), None),
        # It says for certain that it is of this connection.
        (1, (online(1, 0), offline(1, 0)), OfflineReason.LAST_WILL),
        (1, (online(1, 0), offline(1, 1)), OfflineReason.FAREWELL),
        # Of the boot before, whatever its clock said.
        (60, (online(1, 5_000), online(2, 0), offline(1, 5_000)), None),
        (60, (online(1, 5_000), offline(1, 5_000), online(2, 0)), None),
        # A device without a clock begins in 1970 again, and is there.
        (60, (online(clock_s=0), offline(), online(clock_s=-1e9)), None),
        # Twice the same, and an old one that was delivered again.
        (60, (online(1, 30), offline(1, 30), online(1, 0)), OfflineReason.LAST_WILL),
        # It never said that it is there; that it is gone is no farewell then.
        (60, (offline(clock_s=3),), OfflineReason.LAST_WILL),
        (60, (StateReport(),), None),
    ],
)
def test_what_a_device_says_counts_in_the_order_in_which_it_happened(
    interval_s: float, reports: tuple[StateReport, ...], reason: OfflineReason | None
) -> None:
    assert reason == link_after(interval_s, *reports).left_reason


LEFT = Link(at(0), left_at=at(100), left_reason=OfflineReason.LAST_WILL)
SAID = Link(at(0), left_at=at(100), left_reason=OfflineReason.FAREWELL)


@pytest.mark.parametrize(
    ("sign", "since", "until_s", "expected"),
    [
        # Its last will counts after a grace, in which it may come back.
        (Sign(LEFT, at(99)), LONG_AGO, 109, None),
        (Sign(LEFT, at(99)), LONG_AGO, 110, OfflineReason.LAST_WILL),
        (Sign(LEFT, at(101)), LONG_AGO, 110, None),
        # A farewell counts at once; what it sent just before may be stored just after.
        (Sign(SAID, at(99)), LONG_AGO, 100, OfflineReason.FAREWELL),
        (Sign(SAID, at(104)), LONG_AGO, 110, OfflineReason.FAREWELL),
        (Sign(SAID, at(106)), LONG_AGO, 110, None),
        # Silence, of those that declare nothing, and of those that do.
        (Sign(Link(), at(0)), LONG_AGO, 300, None),
        (Sign(Link(), at(0)), LONG_AGO, 301, OfflineReason.SILENCE),
        (Sign(Link(at(50)), at(0)), LONG_AGO, 301, None),
        (Sign(Link(), at(0), 60_000), LONG_AGO, 150, None),
        (Sign(Link(), at(0), 60_000), LONG_AGO, 151, OfflineReason.SILENCE),
        (Sign(Link(), at(0), 1), LONG_AGO, 30, None),
        (Sign(Link(), at(0), 1), LONG_AGO, 31, OfflineReason.SILENCE),
        (Sign(Link()), LONG_AGO, 1e6, None),
        # We were away ourselves until `since`: everybody has time to come back.
        (Sign(LEFT, at(99)), at(200), 259, None),
        (Sign(LEFT, at(99)), at(200), 260, OfflineReason.LAST_WILL),
        (Sign(Link(), at(0)), at(1_000), 1_300, None),
        (Sign(Link(), at(0)), at(1_000), 1_301, OfflineReason.SILENCE),
        (Sign(Link(), at(0), 1), at(1_000), 1_060, None),
        (Sign(Link(), at(0), 1), at(1_000), 1_061, OfflineReason.SILENCE),
    ],
)
def test_a_device_is_gone_when_we_know_it(
    sign: Sign, since: datetime, until_s: float, expected: OfflineReason | None
) -> None:
    assert expected == has_left(sign, Watch(since, at(until_s)), PATIENCE)


@pytest.mark.parametrize(
    ("sign", "now_s", "expected"),
    [
        (Sign(Link()), 0, None),
        (Sign(Link(at(0))), 0, OnlineReason.CONNECTED),
        (Sign(Link(at(0)), at(1)), 2, OnlineReason.HEARD),
        (Sign(Link(), at(0)), 300, OnlineReason.HEARD),
        # What was stored late says nothing about now.
        (Sign(Link(), at(0)), 301, None),
        (Sign(LEFT, at(99)), 120, None),
        (Sign(LEFT, at(101)), 120, OnlineReason.HEARD),
        (Sign(SAID, at(103)), 120, None),
        (Sign(SAID, at(106)), 120, OnlineReason.HEARD),
    ],
)
def test_a_device_is_there_when_it_was_heard_of(
    sign: Sign, now_s: float, expected: OnlineReason | None
) -> None:
    assert expected == has_come(sign, at(now_s), PATIENCE)


@pytest.mark.parametrize("seed", range(200))
def test_no_device_has_come_and_left_at_the_same_moment(seed: int) -> None:
    random = Random(seed)
    link = Link()
    for second in range(6):
        report = StateReport(
            random.choice((True, False, None)),
            boot_id=random.choice((0, 1, 2)),
            reported_at=random.choice((None, at(random.randint(0, 9)))),
        )
        link = after_report(link, report, at(second * 7))
    sign = Sign(link, random.choice((None, at(random.randint(0, 60)))), random.choice((0, 10_000)))

    for second in range(0, 400, 9):
        now = at(second)
        assert None in (
            has_come(sign, now, PATIENCE),
            has_left(sign, Watch(LONG_AGO, now), PATIENCE),
        )
