"""The life of a series, as events: what its device says of it, and what an operator says."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import ClassVar

from weir.events.event import DomainEvent
from weir.model.announcement import Kind

ENTITY = "series"


class SeriesCreated(DomainEvent):
    """A device has sent, or announced, a field for the first time."""

    type: ClassVar[str] = "series_created"

    series_id: int
    unit: str = ""
    description: str = ""
    kind: Kind = Kind.GAUGE


class SeriesAdopted(DomainEvent):
    """All that was known of a series when the journal was not complete yet."""

    type: ClassVar[str] = "series_adopted"

    series_id: int
    unit: str
    description: str
    kind: Kind
    created_at: datetime


class SeriesDescribed(DomainEvent):
    """A device said what a field is, and it differs from what it said before."""

    type: ClassVar[str] = "series_described"

    unit: str
    description: str
    kind: Kind


class SeriesChanged(DomainEvent):
    """An operator has said what a series is; None: as it was.

    `restored` names what is again as the device says.
    """

    type: ClassVar[str] = "series_changed"

    unit: str | None = None
    description: str | None = None
    kind: Kind | None = None
    series_class: str | None = None
    restored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Announced:
    """What a device says of one of its fields."""

    unit: str = ""
    description: str = ""
    kind: Kind = Kind.GAUGE


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator says of a series; None: nothing, so that the device's word holds.

    `series_class`: what it is as far as keeping it is concerned (`vibration`, `billing`).
    """

    unit: str | None = None
    description: str | None = None
    kind: Kind | None = None
    series_class: str | None = None


#: What of a series an operator may set.
SETTABLE = tuple(field.name for field in fields(Settings))


@dataclass(frozen=True, slots=True)
class Series:
    """What the events of one series add up to; `version` counts them, 0: there is none yet."""

    version: int = 0
    series_id: int = 0
    announced: Announced = Announced()
    settings: Settings = Settings()

    @property
    def unit(self) -> str:
        """Give the unit that holds."""
        return self.announced.unit if self.settings.unit is None else self.settings.unit

    @property
    def description(self) -> str:
        """Give the description that holds."""
        told = self.settings.description
        return self.announced.description if told is None else told

    @property
    def kind(self) -> Kind:
        """Give the kind that holds."""
        return self.settings.kind or self.announced.kind

    @property
    def series_class(self) -> str:
        """Give the class; empty: none."""
        return self.settings.series_class or ""


@dataclass(frozen=True, slots=True)
class Describe:
    """Take note of what the device says of the series."""

    announced: Announced


@dataclass(frozen=True, slots=True)
class Change:
    """Set what is not None in `settings`; `restored` names what the device is to say again."""

    settings: Settings
    restored: frozenset[str] = frozenset()


def entity_id(serial: str, field: str) -> str:
    """Name a series; a serial has no slash, so that it can be read back."""
    return f"{serial}/{field}"


def decide(series: Series, command: Describe | Change) -> list[DomainEvent]:
    """Choose the events that a command brings about; none when all is as it asks already."""
    match command:
        case Describe(announced) if announced == series.announced:
            return []
        case Describe(announced):
            return [
                SeriesDescribed(
                    unit=announced.unit, description=announced.description, kind=announced.kind
                )
            ]
        case Change(settings, restored):
            return _change(series.settings, settings, restored)


def evolve(series: Series, event: DomainEvent) -> Series:
    """Give the series after an event."""
    version = series.version + 1
    match event:
        case SeriesCreated() | SeriesAdopted():
            announced = Announced(event.unit, event.description, event.kind)
            return replace(series, version=version, series_id=event.series_id, announced=announced)
        case SeriesDescribed():
            announced = Announced(event.unit, event.description, event.kind)
            return replace(series, version=version, announced=announced)
        case SeriesChanged():
            return replace(series, version=version, settings=_settled(series.settings, event))
        case _:
            return replace(series, version=version)


def _change(known: Settings, wanted: Settings, restored: frozenset[str]) -> list[DomainEvent]:
    changed = {
        name: getattr(wanted, name)
        for name in SETTABLE
        if getattr(wanted, name) not in (None, getattr(known, name))
    }
    given_back = tuple(
        name for name in SETTABLE if name in restored and getattr(known, name) is not None
    )
    if not changed and not given_back:
        return []
    return [SeriesChanged(**changed, restored=given_back)]


def _settled(known: Settings, event: SeriesChanged) -> Settings:
    told = {name: getattr(event, name) for name in SETTABLE}
    changed = {name: value for name, value in told.items() if value is not None}
    return replace(known, **(dict.fromkeys(event.restored) | changed))
