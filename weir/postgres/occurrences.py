"""Store what devices tell beside their readings: events and locations, in their own tables."""

from collections.abc import Iterable, Mapping, Sequence

from weir.model.device_event import EventBatch
from weir.model.location import LocationBatch
from weir.ports import AppendReport
from weir.postgres.device_events import insert_events
from weir.postgres.locations import insert_locations
from weir.postgres.pool import Connection

OccurrenceBatch = EventBatch | LocationBatch


async def insert_occurrences(
    connection: Connection, batches: Sequence[OccurrenceBatch], device_ids: Mapping[str, int]
) -> AppendReport:
    """Store batches within the caller's transaction; `device_ids`: of all their serials."""
    events = [
        (device_ids[batch.serial], event)
        for batch in batches
        if isinstance(batch, EventBatch)
        for event in batch.events
    ]
    locations = [
        (device_ids[batch.serial], location)
        for batch in batches
        if isinstance(batch, LocationBatch)
        for location in batch.locations
    ]
    report = await insert_events(connection, events)
    return report + await insert_locations(connection, locations)


def occurrences_seen(
    batches: Sequence[OccurrenceBatch], device_ids: Mapping[str, int]
) -> Iterable[tuple[int, int, int]]:
    """Give (device_id, received_at_us, observed_at_us) of the newest part of each batch."""
    for batch in batches:
        observed = batch.events if isinstance(batch, EventBatch) else batch.locations
        yield device_ids[batch.serial], batch.received_at_us, observed[-1].observed_at_us
