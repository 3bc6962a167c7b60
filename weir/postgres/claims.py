"""Claims on partitions: advisory locks of one session, gone when its process is.

A worker holds a shared lock that says it is there, and an exclusive one for each partition that it
projects. Nothing is stored, so nothing has to expire.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from weir.postgres.errors import translated
from weir.postgres.pool import CONNECT_TIMEOUT_S

#: Statements here only look at locks; one that takes longer means that the database is away.
CLAIM_TIMEOUT_S = 5.0
#: How soon PostgreSQL notices that a worker's machine is gone, in its own settings' words: a killed
#: process frees its locks at once, a lost link after 2 + 2 * 1 seconds.
KEEPALIVE = {
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "2",
}

_KEY = "hashtextextended('weir.claim.' || $1, 0)"
_ANNOUNCE = f"SELECT pg_advisory_lock_shared({_KEY})"
_CLAIM = f"SELECT pg_try_advisory_lock({_KEY})"
_RELEASE = f"SELECT pg_advisory_unlock({_KEY})"
#: A 64-bit advisory key is shown as its halves, classid and objid (PostgreSQL 18, pg_locks).
_COUNT = f"""
    SELECT count(*) FROM pg_locks, (SELECT {_KEY} AS key) AS claim
    WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid::bigint = (key >> 32) & 4294967295 AND objid::bigint = key & 4294967295
    """  # noqa: S608


class PartitionClaims:
    """The claims of one worker; made by `open_claims`."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", group: str) -> None:
        self._connection = connection
        self._group = group

    async def try_claim(self, stream: str) -> bool:
        """Claim a partition, unless another worker of the group has it.

        Raises:
            StoreUnavailableError: all claims of this worker are lost.
        """
        with translated():
            return bool(await self._connection.fetchval(_CLAIM, f"{self._group}.{stream}"))

    async def release(self, stream: str) -> None:
        """Give a partition back.

        Raises:
            StoreUnavailableError: all claims of this worker are lost.
        """
        with translated():
            await self._connection.execute(_RELEASE, f"{self._group}.{stream}")

    async def count_workers(self) -> int:
        """Count the workers of the group, this one included; also proves that the claims hold.

        Raises:
            StoreUnavailableError: all claims of this worker are lost.
        """
        with translated():
            return int(await self._connection.fetchval(_COUNT, self._group))


@asynccontextmanager
async def open_claims(url: str, group: str) -> AsyncIterator[PartitionClaims]:
    """Join the workers of `group` (a consumer's name) until the block ends.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=CLAIM_TIMEOUT_S,
            server_settings={"application_name": f"weir claims {group}", **KEEPALIVE},
        )
    try:
        with translated():
            await connection.execute(_ANNOUNCE, group)
        yield PartitionClaims(connection, group)
    finally:
        connection.terminate()
