"""Append domain events to the journal, in the transaction of what they change."""

from collections.abc import Sequence

from weir.events.event import JournalEntry
from weir.postgres.pool import Connection

#: Held until the commit, so that positions become visible in their order: a relay that has seen
#: position 7 will never meet a 6. It comes after all other locks, so it cannot close a circle.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('weir.journal', 0))"
_APPEND = """
    INSERT INTO journal (entity, entity_id, entity_version, type, data, actor,
                         correlation_id, causation_id)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::jsonb[],
                         $6::text[], $7::text[], $8::text[])
    """


async def append(connection: Connection, entries: Sequence[JournalEntry]) -> None:
    """Append events in their order; call it last in the transaction.

    Raises:
        asyncpg.UniqueViolationError: somebody else changed the entity meanwhile.
    """
    if not entries:
        return
    await connection.execute(_LOCK)
    await connection.execute(
        _APPEND,
        [entry.entity for entry in entries],
        [entry.entity_id for entry in entries],
        [entry.entity_version for entry in entries],
        [entry.event.type for entry in entries],
        [entry.event.model_dump_json() for entry in entries],
        [entry.actor for entry in entries],
        [entry.correlation_id for entry in entries],
        [entry.causation_id for entry in entries],
    )
