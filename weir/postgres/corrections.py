"""Say in the journal that stored readings were overwritten."""

from collections.abc import Sequence

from weir.clock import from_us
from weir.codec.measurement import MeasurementBatch
from weir.events.device import ENTITY, CorrectedField, ReadingsCorrected
from weir.events.event import JournalEntry
from weir.postgres.pool import Connection

_NEXT_VERSION = """
    UPDATE device SET entity_version = entity_version + 1 WHERE device_id IN (
        SELECT device_id FROM device WHERE serial = ANY($1::text[]) ORDER BY device_id FOR UPDATE)
    RETURNING serial, entity_version
    """


async def note_corrections(
    connection: Connection, batches: Sequence[MeasurementBatch]
) -> list[JournalEntry]:
    """Give one event for each device that has corrected readings, to be journalled.

    Nothing for no batches. A correction that changes nothing is noted all the same: the device
    sent it.
    """
    if not batches:
        return []
    fields: dict[str, dict[str, CorrectedField]] = {}
    for batch in batches:
        of_device = fields.setdefault(batch.serial, {})
        for column in batch.columns:
            instants = column.observed_at_us
            corrected = CorrectedField(
                name=column.name,
                count=len(instants),
                first_observed_at=from_us(int(min(instants))),
                last_observed_at=from_us(int(max(instants))),
            )
            earlier = of_device.get(column.name)
            of_device[column.name] = earlier.join(corrected) if earlier else corrected
    rows = await connection.fetch(_NEXT_VERSION, sorted(fields))
    entries = []
    for row in rows:
        event = ReadingsCorrected(fields=tuple(fields[row["serial"]].values()))
        serial, version = row["serial"], row["entity_version"]
        entries.append(JournalEntry(ENTITY, serial, version, event, serial))
    return entries
