"""Delete readings that an operator wants gone, when the deletion's turn in the stream has come."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import asyncpg

from weir.codec.measurement import MeasurementBatch
from weir.codec.telemetry import Storable
from weir.errors import InvalidMessageError, UnknownDeletionError
from weir.events.device import ENTITY, DeletedField, ReadingsDeleted
from weir.events.event import JournalEntry
from weir.model.deletion import Deletion
from weir.postgres.errors import translated
from weir.postgres.pool import Connection
from weir.postgres.rollup_requests import Reason, request

_KNOWN = """
    SELECT deletion_id FROM reading_deletion JOIN device USING (device_id)
    JOIN unnest($1::uuid[], $2::text[]) AS named (deletion_id, serial) USING (deletion_id, serial)
    """
#: Held until the commit: whoever withdraws the deletion meanwhile finds that it was applied.
_RANGES = """
    SELECT series_id, field, since, until, actor, serial, applied_at
    FROM reading_deletion JOIN device USING (device_id) JOIN series USING (device_id)
    WHERE deletion_id = $1 AND (fields = '{}' OR field = ANY(fields)) ORDER BY series_id
    FOR UPDATE OF reading_deletion
    """
_DELETE = "DELETE FROM {} WHERE series_id = $1 AND observed_at >= $2 AND observed_at < $3"
_TABLES = ("reading", "text_reading")
_SETTLE = """
    UPDATE reading_deletion SET applied_at = now(), deleted_count = $2
    WHERE deletion_id = $1 AND applied_at IS NULL RETURNING device_id
    """
_NEXT_VERSION = """
    UPDATE device SET entity_version = entity_version + 1 WHERE device_id = $1
    RETURNING entity_version
    """


async def unknown_deletions(
    pool: asyncpg.Pool, batches: Sequence[Storable]
) -> Mapping[int, InvalidMessageError]:
    """Find the deletions that nobody asked for, by their index in `batches`.

    Raises:
        StoreUnavailableError: try again later.
    """
    named = {index: batch for index, batch in enumerate(batches) if isinstance(batch, Deletion)}
    if not named:
        return {}
    with translated():
        rows = await pool.fetch(
            _KNOWN,
            [deletion.deletion_id for deletion in named.values()],
            [deletion.serial for deletion in named.values()],
        )
    known = {row["deletion_id"] for row in rows}
    return {
        index: UnknownDeletionError(f"nobody asked for deletion {deletion.deletion_id}")
        for index, deletion in named.items()
        if deletion.deletion_id not in known
    }


def split_at_deletions(
    batches: Sequence[Storable],
) -> Iterator[tuple[list[MeasurementBatch], Deletion | None]]:
    """Give runs of measurements, each with the deletion that comes after it.

    The last run has none, so that what was sent after a deletion stays.
    """
    run: list[MeasurementBatch] = []
    for batch in batches:
        if isinstance(batch, Deletion):
            yield run, batch
            run = []
        elif isinstance(batch, MeasurementBatch):
            run.append(batch)
    yield run, None


async def apply_deletion(connection: Connection, deletion_id: UUID) -> list[JournalEntry]:
    """Delete what was asked for, and ask for the rollups of it; gives what is to be journalled.

    Nothing is journalled when the stream is read again: it was, the first time.
    """
    ranges = await connection.fetch(_RANGES, deletion_id)
    fields = []
    for row in ranges:
        span = (row["series_id"], row["since"], row["until"])
        statuses = [await connection.execute(_DELETE.format(table), *span) for table in _TABLES]
        count = sum(int(status.rsplit(" ", 1)[-1]) for status in statuses)
        fields.append(
            DeletedField(name=row["field"], count=count, since=row["since"], until=row["until"])
        )
    spans = [(row["series_id"], row["since"], row["until"]) for row in ranges]
    await request(connection, Reason.DELETION, spans)
    count = sum(field.count for field in fields)
    device_id = await connection.fetchval(_SETTLE, deletion_id, count)
    if device_id is None or not ranges:
        return []
    version = await connection.fetchval(_NEXT_VERSION, device_id)
    event = ReadingsDeleted(fields=tuple(fields))
    return [JournalEntry(ENTITY, ranges[0]["serial"], version, event, ranges[0]["actor"])]
