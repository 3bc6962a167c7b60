"""Which events there are, by name, and how what was stored becomes what they are now.

An event is a subclass of `DomainEvent` in any module of this package, found by looking. Where one
is no longer in its first version, its module has `UPCASTS`: for each (type, version) before the
newest a pure function that gives the data of the version after.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from weir.errors import ConfigError, DecodeError, UnknownEventError
from weir.events.event import DomainEvent, JournalRecord

Data = Mapping[str, Any]
Upcasts = Mapping[tuple[str, int], Callable[[Data], Data]]


@dataclass(frozen=True)
class Catalogue:
    """Events by name, and their upcasts."""

    events: Mapping[str, type[DomainEvent]]
    upcasts: Upcasts = field(default_factory=dict)

    def decode(self, type_: str, version: int, data: Data) -> DomainEvent:
        """Read what was stored as an event of the newest version.

        Raises:
            UnknownEventError: no such event, or a version newer than ours.
            DecodeError: the data are not what the event's version says.
        """
        event_class = self.events.get(type_)
        if event_class is None:
            raise UnknownEventError(f"no event is called {type_[:100]!r}")
        if version > event_class.version:
            raise UnknownEventError(
                f"{type_} is of version {version}: this release knows {event_class.version}"
            )
        for older in range(version, event_class.version):
            data = self.upcasts[type_, older](data)
        try:
            return event_class.model_validate(data)
        except ValidationError as error:
            raise DecodeError(f"{type_}, version {version}: {error}") from error

    def decode_record(self, record: JournalRecord) -> DomainEvent:
        """Read the event of a journal record.

        Raises:
            UnknownEventError: no such event, or a version newer than ours.
            DecodeError: the data are not what the event's version says.
        """
        return self.decode(record.type, record.type_version, record.data)


@cache
def catalogue() -> Catalogue:
    """Give the events of this release.

    Raises:
        ConfigError: two have one name, or a version has no upcast.
    """
    events: dict[str, type[DomainEvent]] = {}
    upcasts: dict[tuple[str, int], Callable[[Data], Data]] = {}
    package = importlib.import_module(__package__)
    for info in pkgutil.iter_modules(package.__path__, f"{__package__}."):
        module = importlib.import_module(info.name)
        upcasts |= getattr(module, "UPCASTS", {})
        for event_class in _events_of(module):
            if event_class.type in events:
                raise ConfigError(f"two events are called {event_class.type!r}")
            events[event_class.type] = event_class
    for type_, event_class in events.items():
        for version in range(1, event_class.version):
            if (type_, version) not in upcasts:
                raise ConfigError(f"{type_} has no upcast from version {version}")
    return Catalogue(events, upcasts)


def _events_of(module: ModuleType) -> Iterator[type[DomainEvent]]:
    for _, member in inspect.getmembers(module, inspect.isclass):
        is_own = member.__module__ == module.__name__
        if is_own and issubclass(member, DomainEvent) and member is not DomainEvent:
            yield member
