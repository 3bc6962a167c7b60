"""Append domain events to the journal, in the transaction of what they change."""

from collections.abc import Sequence

import asyncpg

from weir.errors import ConflictError
from weir.events.event import JournalEntry
from weir.postgres.pool import Connection

#: Where PostgreSQL tells that the journal has grown.
CHANNEL = "weir_journal"
#: Held until the commit, so that positions become visible in their order: a relay that has seen
#: position 7 will never meet a 6. It comes after all other locks, so it cannot close a circle.
_LOCK = f"""
    SELECT pg_advisory_xact_lock(hashtextextended('weir.journal', 0)), pg_notify('{CHANNEL}', '')
    """
_APPEND = """
    INSERT INTO journal (entity, entity_id, entity_version, type, type_version, data, actor,
                         correlation_id, causation_id)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::integer[],
                         $6::jsonb[], $7::text[], $8::text[], $9::text[])
    """


async def append(connection: Connection, entries: Sequence[JournalEntry]) -> None:
    """Append events in their order; call it last in the transaction.

    Raises:
        ConflictError: somebody else has changed one of the entities meanwhile.
    """
    if not entries:
        return
    await connection.execute(_LOCK)
    try:
        await connection.execute(
            _APPEND,
            [entry.entity for entry in entries],
            [entry.entity_id for entry in entries],
            [entry.entity_version for entry in entries],
            [entry.event.type for entry in entries],
            [entry.event.version for entry in entries],
            [entry.event.model_dump_json() for entry in entries],
            [entry.actor for entry in entries],
            [entry.correlation_id for entry in entries],
            [entry.causation_id for entry in entries],
        )
    except asyncpg.UniqueViolationError as error:
        raise ConflictError("somebody else has changed it meanwhile") from error
