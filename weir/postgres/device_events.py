"""Write device events, of which some may be stored already."""

from collections.abc import Sequence
from hashlib import blake2b

from weir.clock import from_us
from weir.model.device_event import DeviceEvent
from weir.ports import AppendReport
from weir.postgres.pool import Connection

DIGEST_BYTES = 16

_INSERT = """
    INSERT INTO device_event (device_id, observed_at, type, digest, data)
    SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::text[], $4::bytea[], $5::jsonb[])
    ON CONFLICT (device_id, observed_at, type, digest) DO NOTHING
    """


async def insert_events(
    connection: Connection, events: Sequence[tuple[int, DeviceEvent]]
) -> AppendReport:
    """Store events given as (device_id, event) within the caller's transaction, each once."""
    if not events:
        return AppendReport()
    # Two writers take the keys that they share in one order: neither waits in a circle.
    ordered = sorted(events, key=lambda row: (row[0], row[1].observed_at_us, row[1].type))
    status = await connection.execute(
        _INSERT,
        [device_id for device_id, _ in ordered],
        [from_us(event.observed_at_us) for _, event in ordered],
        [event.type for _, event in ordered],
        [digest(event.data) for _, event in ordered],
        [event.data for _, event in ordered],
    )
    stored_count = int(status.rsplit(" ", 1)[-1])
    return AppendReport(event_count=stored_count, repeated_count=len(events) - stored_count)


def digest(data: str) -> bytes:
    """Tell apart the data of two events of one device, instant and type."""
    return blake2b(data.encode("utf-8"), digest_size=DIGEST_BYTES).digest()
