"""Changes of presence: only what is new, and only so many of them."""

from datetime import datetime, timedelta

from weir.events.presence import (
    CHANGE_INTERVAL,
    CHANGES_MAX,
    DeviceCameOnline,
    DevicePresence,
    DeviceWentOffline,
    decide,
    evolve,
)
from weir.model.presence import OfflineReason, OnlineReason
from weir.testing.clock import START


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def after(
    presence: DevicePresence, *found: tuple[OnlineReason | OfflineReason, float]
) -> tuple[DevicePresence, int]:
    count = 0
    for reason, second in found:
        for event in decide(presence, reason, at(second)):
            presence = evolve(presence, event)
            count += 1
    return presence, count


def test_a_device_comes_and_goes() -> None:
    presence, count = after(
        DevicePresence(), (OnlineReason.CONNECTED, 0), (OfflineReason.LAST_WILL, 60)
    )

    assert (2, False, "last_will", at(60)) == (
        count,
        presence.is_online,
        presence.reason,
        presence.changed_at,
    )


def test_what_is_known_is_no_event() -> None:
    _, count = after(
        DevicePresence(),
        (OfflineReason.SILENCE, 0),
        (OnlineReason.HEARD, 1),
        (OnlineReason.CONNECTED, 2),
    )

    assert 1 == count


def test_a_link_that_flaps_for_a_day_makes_a_bounded_number_of_events() -> None:
    reasons = (OnlineReason.CONNECTED, OfflineReason.LAST_WILL)
    day_s = 86_400
    flapping = [(reasons[second % 2], float(second)) for second in range(day_s)]

    _, count = after(DevicePresence(), *flapping)

    assert CHANGES_MAX + day_s // CHANGE_INTERVAL.total_seconds() >= count > CHANGES_MAX


def test_after_flapping_what_lasts_is_told() -> None:
    reasons = (OnlineReason.CONNECTED, OfflineReason.LAST_WILL)
    flapping = [(reasons[second % 2], float(second)) for second in range(60)]
    presence, _ = after(DevicePresence(), *flapping)
    lasting = OnlineReason.HEARD if presence.is_online is False else OfflineReason.SILENCE

    assert [] == decide(presence, lasting, at(61))
    (event,) = decide(presence, lasting, at(61) + CHANGE_INTERVAL)
    assert isinstance(event, DeviceCameOnline | DeviceWentOffline)


def test_a_clock_that_goes_back_gives_no_budget() -> None:
    presence, _ = after(DevicePresence(), (OnlineReason.HEARD, 100))

    assert CHANGES_MAX - 1 == presence.budget_at(at(0))
