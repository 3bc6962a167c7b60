"""The life of a site, as events: made, changed, and removed when nothing is at it any more."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from weir.errors import ConflictError, NotFoundError
from weir.events.event import DomainEvent
from weir.model.site import DEFAULT_ORGANISATION

ENTITY = "site"
UTC_TIME_ZONE = "UTC"


class SiteCreated(DomainEvent):
    """A site came into being, or came back after it had been removed."""

    type: ClassVar[str] = "site_created"

    site_id: int
    name: str
    time_zone: str = UTC_TIME_ZONE


class SiteAdopted(DomainEvent):
    """All that was known of a site when the journal was not complete yet."""

    type: ClassVar[str] = "site_adopted"

    site_id: int
    name: str
    time_zone: str
    created_at: datetime


class SiteChanged(DomainEvent):
    """An operator has changed a site; None: as it was."""

    type: ClassVar[str] = "site_changed"

    name: str | None = None
    time_zone: str | None = None


class SiteRemoved(DomainEvent):
    """An operator has removed a site."""

    type: ClassVar[str] = "site_removed"


@dataclass(frozen=True, slots=True)
class Site:
    """What the events of one site add up to; `version` counts them, also while it is removed."""

    version: int = 0
    site_id: int | None = None
    name: str = ""
    time_zone: str = UTC_TIME_ZONE

    @property
    def exists(self) -> bool:
        """Whether it was made, and not removed since."""
        return self.site_id is not None


@dataclass(frozen=True, slots=True)
class Create:
    """Make a site; `site_id` is what the store will call it."""

    site_id: int
    name: str
    time_zone: str = UTC_TIME_ZONE


@dataclass(frozen=True, slots=True)
class Change:
    """Change what is not None."""

    name: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a site; `device_count`: how many devices are at it, deleted ones included."""

    device_count: int


def entity_id(organisation: str, slug: str) -> str:
    """Name a site; those of the first organisation go by their slug alone."""
    return slug if organisation == DEFAULT_ORGANISATION else f"{organisation}/{slug}"


def decide(site: Site, command: Create | Change | Remove) -> list[DomainEvent]:
    """Choose the events that a command brings about; none when all is as it asks already.

    Raises:
        ConflictError: it is there already, or devices are still at it.
        NotFoundError: it is not there.
    """
    match command:
        case Create(site_id, name, time_zone):
            if site.exists:
                raise ConflictError("there is such a site already")
            return [SiteCreated(site_id=site_id, name=name, time_zone=time_zone)]
        case _ if not site.exists:
            raise NotFoundError("there is no such site")
        case Change(name, time_zone):
            changed = SiteChanged(
                name=None if name == site.name else name,
                time_zone=None if time_zone == site.time_zone else time_zone,
            )
            return [] if changed == SiteChanged() else [changed]
        case Remove(0):
            return [SiteRemoved()]
        case Remove(device_count):
            raise ConflictError(
                f"devices at the site, deleted ones included: {device_count}; move them to another "
                "site first"
            )


def evolve(site: Site, event: DomainEvent) -> Site:
    """Give the site after an event."""
    version = site.version + 1
    match event:
        case SiteCreated() | SiteAdopted():
            return Site(version, event.site_id, event.name, event.time_zone)
        case SiteChanged(name=name, time_zone=time_zone):
            return replace(
                site,
                version=version,
                name=site.name if name is None else name,
                time_zone=time_zone or site.time_zone,
            )
        case SiteRemoved():
            return Site(version)
        case _:
            return replace(site, version=version)
