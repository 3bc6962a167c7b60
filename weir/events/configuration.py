"""The configuration of a device, as events: what is wanted, what it runs, what it refuses. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from weir.events.event import DomainEvent
from weir.model.configuration import ReportedConfiguration, hash_of
from weir.model.configuration_sync import SyncState, Wanted, is_to_be_sent, sync_state

#: An entity of this kind has a serial as its id.
ENTITY = "configuration"
#: Reports in a row that become events, and in which time one more may: a device that tells
#: something else each second must not fill the journal.
REPORTS_MAX = 20.0
REPORT_INTERVAL = timedelta(minutes=5)


class How(StrEnum):
    """How a version came about.

    `adoption`: taken over from what was edited at the device. `overwriting`: the same once more,
    over what was edited at the device.
    """

    SET = "set"
    MERGE_PATCH = "merge_patch"
    ROLLBACK = "rollback"
    ADOPTION = "adoption"
    OVERWRITING = "overwriting"


class ConfigurationDesired(DomainEvent):
    """An operator wants a device to run this; `of_version`: the one that was taken again."""

    type: ClassVar[str] = "configuration_desired"

    configuration_version: int
    document: dict[str, Any]
    hash: str
    how: How
    of_version: int | None = None


class ConfigurationReported(DomainEvent):
    """A device runs something else than it did; `document`: where it was edited at the device."""

    type: ClassVar[str] = "configuration_reported"

    at: datetime
    configuration_version: int
    hash: str
    document: dict[str, Any] | None = None


class ConfigurationRejected(DomainEvent):
    """A device has refused a version, and runs what it did before."""

    type: ClassVar[str] = "configuration_rejected"

    at: datetime
    configuration_version: int
    error: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the events of one device's configuration add up to; `version` counts them.

    Attributes:
        wanted: what it is to run, and `document` in full; None: nothing is wanted.
        reported: what it runs; None: it has never said so.
        reported_at: when it last said something new.
        newest_run: the newest of our versions that it has run.
        budget: how many reports may become events, as of `reported_at`.
    """

    version: int = 0
    wanted: Wanted = field(default_factory=Wanted)
    document: Mapping[str, Any] | None = None
    reported: ReportedConfiguration | None = None
    reported_at: datetime | None = None
    newest_run: int = 0
    budget: float = REPORTS_MAX

    @property
    def state(self) -> SyncState:
        """How what it runs compares with what is wanted."""
        return sync_state(self.wanted, self.reported)

    @property
    def is_to_be_sent(self) -> bool:
        """Whether it should get what is wanted when there is an occasion."""
        return is_to_be_sent(self.wanted, self.reported)

    @property
    def is_edited_at_device(self) -> bool:
        """Whether it runs what somebody has put there by hand, over what was wanted."""
        return self.reported is not None and self.wanted.edited_over == self.wanted.version > 0

    @property
    def base(self) -> Mapping[str, Any]:
        """What a partial change is applied to: what is wanted, else what it says that it runs.

        Without the latter, the first change of one member would take all others from a device that
        came with a configuration of its own.
        """
        if self.document is not None:
            return self.document
        own = self.reported.document if self.reported is not None else None
        return own if own is not None else {}

    def budget_at(self, now: datetime) -> float:
        """Tell how many reports may become events now."""
        if self.reported_at is None:
            return self.budget
        refilled = max(now - self.reported_at, timedelta()) / REPORT_INTERVAL
        return min(REPORTS_MAX, self.budget + refilled)


@dataclass(frozen=True, slots=True)
class Desire:
    """Want a device to run this document."""

    document: Mapping[str, Any]
    how: How = How.SET
    of_version: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Take note of what a device says that it runs."""

    reported: ReportedConfiguration
    at: datetime


def decide(configuration: Configuration, command: Desire | Report) -> list[DomainEvent]:
    """Choose the events that a command brings about; none when nothing is new.

    A report is passed over while the budget for them is spent: it is to be shown again later.
    """
    if isinstance(command, Desire):
        return _desire(configuration, command)
    if configuration.budget_at(command.at) < 1.0:
        return []
    return news_of(configuration, command)


def news_of(configuration: Configuration, report: Report) -> list[DomainEvent]:
    """Tell what is new in a report, whatever the budget."""
    events: list[DomainEvent] = []
    said, known = report.reported, configuration.reported
    ran = known and (known.version, known.hash, known.document)
    if ran != (said.version, said.hash, said.document):
        document = None if said.document is None else dict(said.document)
        events.append(
            ConfigurationReported(
                at=report.at, configuration_version=said.version, hash=said.hash, document=document
            )
        )
    refused = known and (known.rejected_version, known.error)
    if said.rejected_version and refused != (said.rejected_version, said.error):
        events.append(
            ConfigurationRejected(
                at=report.at, configuration_version=said.rejected_version, error=said.error
            )
        )
    return events


def evolve(configuration: Configuration, event: DomainEvent) -> Configuration:
    """Give the configuration after an event."""
    after = replace(configuration, version=configuration.version + 1)
    match event:
        case ConfigurationDesired():
            wanted = Wanted(
                event.configuration_version, event.hash, configuration.wanted.edited_over
            )
            return replace(after, wanted=wanted, document=event.document)
        case ConfigurationReported():
            return _reported(after, event)
        case ConfigurationRejected():
            known = configuration.reported or ReportedConfiguration()
            refused = replace(
                known, rejected_version=event.configuration_version, error=event.error
            )
            return _spend(replace(after, reported=refused), event.at)
        case _:
            return after


def _desire(configuration: Configuration, command: Desire) -> list[DomainEvent]:
    wanted, reported = configuration.wanted, configuration.reported
    new_hash = hash_of(command.document)
    if new_hash == wanted.hash and command.how is not How.OVERWRITING:
        return []
    # Behind what the device runs it would be passed over there: after a restored backup, say.
    newest = max(wanted.version, reported.version if reported else 0)
    return [
        ConfigurationDesired(
            configuration_version=newest + 1,
            document=dict(command.document),
            hash=new_hash,
            how=command.how,
            of_version=command.of_version,
        )
    ]


def _reported(after: Configuration, event: ConfigurationReported) -> Configuration:
    known = after.reported or ReportedConfiguration()
    is_beyond = event.configuration_version >= known.rejected_version
    reported = ReportedConfiguration(
        event.configuration_version,
        event.hash,
        event.document,
        0 if is_beyond else known.rejected_version,
        "" if is_beyond else known.error,
    )
    # What a device runs that never had one of ours was not edited: it came with it. And one that
    # runs nothing has lost it.
    is_own = event.configuration_version == 0 and event.hash not in ("", after.wanted.hash)
    is_edited = is_own and after.newest_run > 0
    wanted = replace(after.wanted, edited_over=after.wanted.version if is_edited else 0)
    newest_run = max(after.newest_run, event.configuration_version)
    changed = replace(after, wanted=wanted, reported=reported, newest_run=newest_run)
    return _spend(changed, event.at)


def _spend(after: Configuration, at: datetime) -> Configuration:
    return replace(after, budget=after.budget_at(at) - 1.0, reported_at=at)
