"""Devices come and go, as events; how many there can be of one device is bounded. Pure.

A link that flaps must not fill the journal. Each change takes one from a budget that fills up again
slowly; without a budget the last state stays until there is some, and then what holds is told.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from weir.events.event import DomainEvent
from weir.model.presence import OfflineReason, OnlineReason

#: An entity of this kind has a serial as its id. It is not the device: what an operator edits must
#: not get a new version because a link has broken.
ENTITY = "presence"
#: Changes in a row; one that is left over stays for the state that lasts.
CHANGES_MAX = 10.0
#: In which one more change becomes possible: at most 144 a day, and `CHANGES_MAX` to begin with.
CHANGE_INTERVAL = timedelta(minutes=10)


class DeviceCameOnline(DomainEvent):
    """A device is there again, or for the first time."""

    type: ClassVar[str] = "device_came_online"

    at: datetime
    reason: OnlineReason


class DeviceWentOffline(DomainEvent):
    """A device is gone: its last will came, it said farewell, or it was silent for too long."""

    type: ClassVar[str] = "device_went_offline"

    at: datetime
    reason: OfflineReason
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DevicePresence:
    """What the events add up to; `is_online` None: it was never heard of.

    `budget`: how many changes may follow, as of `changed_at`.
    """

    version: int = 0
    is_online: bool | None = None
    reason: str = ""
    changed_at: datetime | None = None
    budget: float = CHANGES_MAX

    def budget_at(self, now: datetime) -> float:
        """Tell how many changes may follow now."""
        if self.changed_at is None:
            return self.budget
        refilled = max(now - self.changed_at, timedelta()) / CHANGE_INTERVAL
        return min(CHANGES_MAX, self.budget + refilled)


def decide(
    presence: DevicePresence,
    found: OnlineReason | OfflineReason,
    now: datetime,
    last_seen_at: datetime | None = None,
) -> list[DomainEvent]:
    """Choose what to journal of what was found; nothing when it is known or the budget spent."""
    is_online = isinstance(found, OnlineReason)
    if presence.is_online is is_online or presence.budget_at(now) < 1.0:
        return []
    if isinstance(found, OnlineReason):
        return [DeviceCameOnline(at=now, reason=found)]
    if presence.is_online is None:
        return []
    return [DeviceWentOffline(at=now, reason=found, last_seen_at=last_seen_at)]


def evolve(presence: DevicePresence, event: DomainEvent) -> DevicePresence:
    """Give the presence after an event."""
    version = presence.version + 1
    if not isinstance(event, DeviceCameOnline | DeviceWentOffline):
        return replace(presence, version=version)
    return DevicePresence(
        version,
        is_online=isinstance(event, DeviceCameOnline),
        reason=event.reason,
        changed_at=event.at,
        budget=presence.budget_at(event.at) - 1.0,
    )
