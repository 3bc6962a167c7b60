"""A deletion of readings, as it takes its turn among them."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Deletion:
    """Names a deletion that an operator asked for; what it deletes stands in the database.

    `received_at_us`: when the broker took it, microseconds since 1970-01-01 UTC.
    """

    serial: str
    received_at_us: int
    deletion_id: UUID
