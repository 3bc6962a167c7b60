"""The keys that sign access tokens: made by themselves, and replaced every month.

They are in the database, so that any number of gateways take one another's tokens; whoever can read
it can read everything that a token opens.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from weir.postgres.pool import Connection, Pool, transaction

ROTATION_INTERVAL = timedelta(days=30)
KEY_BYTES = 32
_KEY_ID_BYTES = 8

#: Two gateways that start at once must not make two first keys.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('weir.signing_key', 0))"
_LIST = "SELECT key_id, secret, made_at FROM signing_key ORDER BY made_at DESC, key_id"
_ADD = "INSERT INTO signing_key (key_id, secret, made_at) VALUES ($1, $2, $3)"
_DROP = "DELETE FROM signing_key WHERE made_at < $1"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, and since when it signs."""

    key_id: str
    secret: bytes = field(repr=False)
    made_at: datetime


async def current_keys(pool: Pool, now: datetime, token_lifetime: timedelta) -> list[SigningKey]:
    """Give the keys that verify, the one that signs first; makes a new one when it is time.

    `token_lifetime`: for so long a key that was replaced goes on verifying, at least.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        keys = await _list(connection)
        if not keys or now - keys[0].made_at >= ROTATION_INTERVAL:
            await connection.execute(_LOCK)
            keys = await _list(connection)
        if not keys or now - keys[0].made_at >= ROTATION_INTERVAL:
            fresh = SigningKey(
                secrets.token_hex(_KEY_ID_BYTES), secrets.token_bytes(KEY_BYTES), now
            )
            await connection.execute(_ADD, fresh.key_id, fresh.secret, fresh.made_at)
            # Twice: gateways notice a new key after a while, and clocks differ.
            await connection.execute(_DROP, now - ROTATION_INTERVAL - 2 * token_lifetime)
            keys = await _list(connection)
    return keys


async def _list(connection: Connection) -> list[SigningKey]:
    return [SigningKey(**row) for row in await connection.fetch(_LIST)]
