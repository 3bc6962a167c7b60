"""Whether a device is there: what it says of its connection, and what its silence means. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from weir.model.configuration import StateReport

#: A message may be late; a second one that is missing too means that something is wrong.
SILENCE_FACTOR = 2.5
#: However often a device reports: links have hiccups.
SILENCE_MIN = timedelta(seconds=30)
#: A last will that comes so soon after an `online: true` may be that of the connection before. If
#: it was not, silence tells.
TAKE_OVER = timedelta(seconds=5)
#: What a device sent just before its farewell may be stored a little after that.
AFTERGLOW = timedelta(seconds=5)


class Presence(StrEnum):
    """Whether a device is there; `never_seen`: nothing was ever heard of it."""

    ONLINE = "online"
    OFFLINE = "offline"
    NEVER_SEEN = "never_seen"


class OnlineReason(StrEnum):
    """How we know that a device is there: it has said so, or sent something."""

    CONNECTED = "connected"
    HEARD = "heard"


class OfflineReason(StrEnum):
    """How we know that a device is gone: the broker has said so, the device, or nobody."""

    LAST_WILL = "last_will"
    FAREWELL = "farewell"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Link:
    """What a device has said of its connection last.

    Attributes:
        connected_at: when its last `online: true` came.
        connected_boot: the boot that it named then; 0: none.
        connected_clock: the time that it named then, by its own clock.
        left_at: when its `online: false` came; None: it has said nothing of the kind since.
        left_reason: `last_will` or `farewell`.
    """

    connected_at: datetime | None = None
    connected_boot: int = 0
    connected_clock: datetime | None = None
    left_at: datetime | None = None
    left_reason: OfflineReason | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """What is to be seen of a device.

    Attributes:
        link: what it has said of its connection.
        seen_at: when the broker last had something of it.
        report_interval_ms: the longest silence that it declares; 0: it declares none.
    """

    link: Link
    seen_at: datetime | None = None
    report_interval_ms: int = 0

    @property
    def heard_at(self) -> datetime | None:
        """When it was last heard of, in whatever way; None: never."""
        instants = [at for at in (self.link.connected_at, self.seen_at) if at is not None]
        return max(instants, default=None)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is allowed to last.

    Attributes:
        silence: of a device that declares no interval.
        will_grace: in which a device may come back before its last will counts.
        outage_grace: in which devices may come back after we were away ourselves.
    """

    silence: timedelta
    will_grace: timedelta
    outage_grace: timedelta

    def silence_of(self, report_interval_ms: int) -> timedelta:
        """Tell how long a device may be silent that declares this interval."""
        if report_interval_ms == 0:
            return self.silence
        declared = timedelta(milliseconds=report_interval_ms)
        return max(declared * SILENCE_FACTOR, SILENCE_MIN)


@dataclass(frozen=True, slots=True)
class Watch:
    """From when to when we know all that arrived: before `since` something may have passed by."""

    since: datetime
    until: datetime


def after_report(link: Link, report: StateReport, received_at: datetime) -> Link:
    """Give what a device says of its connection, after one more report."""
    if report.is_online is None:
        return link
    if report.is_online:
        is_repeated = _has_boot_of(link, report) and _compare(link, report) < 0
        return link if is_repeated else Link(received_at, report.boot_id, report.reported_at)
    reason = _reason_to_leave(link, report, received_at)
    return link if reason is None else replace(link, left_at=received_at, left_reason=reason)


def has_left(sign: Sign, watch: Watch, patience: Patience) -> OfflineReason | None:
    """Tell why a device that was there is gone; None: it is not, or one cannot tell yet."""
    link, heard_at = sign.link, sign.heard_at
    if link.left_at is not None and link.left_reason is not None and not _is_back(sign):
        if link.left_reason is OfflineReason.FAREWELL:
            return OfflineReason.FAREWELL
        due = max(link.left_at + patience.will_grace, watch.since + patience.outage_grace)
        return OfflineReason.LAST_WILL if watch.until >= due else None
    if heard_at is None:
        return None
    allowed = patience.silence_of(sign.report_interval_ms)
    silent_since = max(heard_at, watch.since)
    due = max(silent_since + allowed, watch.since + patience.outage_grace)
    return OfflineReason.SILENCE if watch.until > due else None


def has_come(sign: Sign, now: datetime, patience: Patience) -> OnlineReason | None:
    """Tell how we know that a device that was not there is there now; None: it is not."""
    link, heard_at = sign.link, sign.heard_at
    if heard_at is None or now - heard_at > patience.silence_of(sign.report_interval_ms):
        return None
    if link.left_at is not None and not _is_back(sign):
        return None
    return OnlineReason.CONNECTED if link.connected_at == heard_at else OnlineReason.HEARD


def _reason_to_leave(
    link: Link, report: StateReport, received_at: datetime
) -> OfflineReason | None:
    """Tell what an `online: false` means; None: it is of a connection before the present one.

    When a device connects again before the broker has missed it, the last will of the old
    connection may come after the `online: true` of the new one. A last will was written when its
    connection was made, so that only a farewell can have a later time than what was said since.
    """
    if link.connected_boot and report.boot_id and link.connected_boot != report.boot_id:
        return None
    order = _compare(link, report)
    if order > 0:
        return OfflineReason.FAREWELL
    is_known_to_be_ours = order == 0 and None not in (link.connected_clock, report.reported_at)
    has_just_come = link.connected_at and received_at - link.connected_at < TAKE_OVER
    return None if has_just_come and not is_known_to_be_ours else OfflineReason.LAST_WILL


def _compare(link: Link, report: StateReport) -> int:
    """Tell whether a report is older (-1) or newer (1) than the last `online: true`; 0: neither."""
    if link.connected_clock is None or report.reported_at is None:
        return 0
    return (report.reported_at > link.connected_clock) - (report.reported_at < link.connected_clock)


def _has_boot_of(link: Link, report: StateReport) -> bool:
    # A device without a clock of its own may begin in 1970 at each start.
    return bool(report.boot_id) and link.connected_boot == report.boot_id


def _is_back(sign: Sign) -> bool:
    """Tell whether a device was heard of after it had left."""
    link = sign.link
    if link.left_at is None or sign.seen_at is None:
        return False
    is_farewell = link.left_reason is OfflineReason.FAREWELL
    return sign.seen_at > link.left_at + (AFTERGLOW if is_farewell else timedelta())
