"""What all domain events share."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class DomainEvent(BaseModel):
    """A fact about one entity; `type` is its name in the catalogue, never a class path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]


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
