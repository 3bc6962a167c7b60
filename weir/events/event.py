"""What all domain events share."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class EventPart(BaseModel):
    """A piece of an event's data.

    What a later release has added to it is passed over, so that the release before can go on
    reading the journal.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class DomainEvent(EventPart):
    """A fact about one entity; `type` is its name in the catalogue, never a class path.

    `version` counts the shapes that its data has had. A new optional field needs no new one; for
    anything else the catalogue gets an upcast from the version before.
    """

    type: ClassVar[str]
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Author:
    """Who brought a change about.

    `correlation_id` is the same for everything that one request has led to; `causation_id` is the
    position of the event that led to it directly.
    """

    actor: str
    correlation_id: str | None = None
    causation_id: str | None = None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """An event to be appended: which entity it is about, the version it makes, and who did it.

    `entity_version` counts the events of one entity from 1, without holes.
    """

    entity: str
    entity_id: str
    entity_version: int
    event: DomainEvent
    actor: str
    correlation_id: str | None = None
    causation_id: str | None = None


class JournalRecord(BaseModel):
    """One event as the journal has it, and as the relay publishes it.

    `data` is as it was stored, of whatever version: `weir.events.catalogue` reads it. Positions
    ascend over all entities, with holes.
    """

    model_config = ConfigDict(frozen=True)

    position: int
    entity: str
    entity_id: str
    entity_version: int
    type: str
    type_version: int
    data: dict[str, Any]
    actor: str
    correlation_id: str | None
    causation_id: str | None
    recorded_at: datetime


def entries_of(
    entity: str, entity_id: str, version: int, events: Iterable[DomainEvent], author: Author
) -> list[JournalEntry]:
    """Give the entries for events of one entity; `version` is the one that it has before them."""
    return [
        JournalEntry(
            entity,
            entity_id,
            number,
            event,
            author.actor,
            author.correlation_id,
            author.causation_id,
        )
        for number, event in enumerate(events, version + 1)
    ]
