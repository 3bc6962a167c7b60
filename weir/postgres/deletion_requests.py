"""Ask for readings to be deleted: noted first, then named in the stream, to take their turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from weir.codec.encode import encode_deletion
from weir.errors import BrokerUnavailableError, ConfigError, WeirError
from weir.model.names import device_key
from weir.ports import KeptMessage, Republisher
from weir.postgres.pool import transaction
from weir.postgres.queries.deletions import require_fields

_INSERT = """
    INSERT INTO reading_deletion (deletion_id, device_id, fields, since, until, actor)
    SELECT $1, device_id, $3, $4, $5, $6 FROM device WHERE serial = $2
    """
_WITHDRAW = "DELETE FROM reading_deletion WHERE deletion_id = $1 AND applied_at IS NULL"


@dataclass(frozen=True, slots=True)
class WantedDeletion:
    """Readings of a device's fields (none: all of them) with `since` <= observed_at < `until`."""

    deletion_id: UUID
    serial: str
    fields: Sequence[str]
    since: datetime
    until: datetime
    actor: str


async def ask_deletion(
    pool: asyncpg.Pool, wanted: WantedDeletion, republisher: Republisher
) -> None:
    """Note a deletion, and give it its turn in the stream.

    When the broker does not confirm it, it is withdrawn: should it have come through all the same,
    the writer refuses it as one that nobody has asked for, and nothing is deleted.

    Raises:
        NotFoundError: no such device, or it has no such field.
        BrokerUnavailableError: the broker did not take it; nothing will be deleted.
        ConfigError: no broker is known, or it refuses access; nothing will be deleted.
        StoreUnavailableError: try again later; after the publish it may be applied all the same.
    """
    await require_fields(pool, wanted.serial, wanted.fields)
    async with transaction(pool) as connection:
        await connection.execute(
            _INSERT,
            wanted.deletion_id,
            wanted.serial,
            wanted.fields,
            wanted.since,
            wanted.until,
            wanted.actor,
        )
    error = await _publish(wanted, republisher)
    if error is not None and await _withdraw(pool, wanted.deletion_id):
        raise error


async def _publish(wanted: WantedDeletion, republisher: Republisher) -> WeirError | None:
    message = KeptMessage(
        device_key(wanted.serial, "measurements"), {}, encode_deletion(wanted.deletion_id)
    )
    try:
        (error,) = await republisher.publish([message])
    except (BrokerUnavailableError, ConfigError) as unpublished:
        return unpublished
    return error


async def _withdraw(pool: asyncpg.Pool, deletion_id: UUID) -> bool:
    """Take a deletion back; False when it was applied meanwhile, as only its confirm was lost."""
    async with transaction(pool) as connection:
        return await connection.execute(_WITHDRAW, deletion_id) != "DELETE 0"
