"""Requests that carry a key of their client's, so that asking twice does it once.

An answer is kept for a day. Of two requests with one key at the same time the first is carried out;
the second is told so. A request whose gateway died under it may be asked again after a while: what
it had done by then is not known, which is why whatever acts must bear being repeated.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from weir.errors import ConflictError, RequestError, TooManyRequestsError
from weir.postgres.pool import Connection, Pool, transaction

KEPT_FOR = timedelta(hours=24)
#: No request takes longer: whoever began it is dead.
UNDER_WAY_MAX = timedelta(minutes=5)
#: Keys of one credential in a day.
KEYS_MAX = 10_000
#: Old keys that are forgotten with each new one; more than one, so that there are ever fewer.
_FORGOTTEN_AT_ONCE = 20

_FORGET = """
    DELETE FROM idempotent_request WHERE (actor, key) IN (
        SELECT actor, key FROM idempotent_request WHERE started_at < $1
        ORDER BY started_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    """
_BEGIN = """
    INSERT INTO idempotent_request (actor, key, fingerprint, started_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (actor, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, started_at = excluded.started_at,
        status = NULL, content_type = NULL, body = NULL
    WHERE idempotent_request.started_at < $5
       OR (idempotent_request.status IS NULL AND idempotent_request.started_at < $6
           AND idempotent_request.fingerprint = excluded.fingerprint)
    RETURNING key
    """
_SEEN = """
    SELECT fingerprint, status, content_type, body FROM idempotent_request
    WHERE actor = $1 AND key = $2
    """
_COUNT = "SELECT count(*) FROM idempotent_request WHERE actor = $1"
_FINISH = """
    UPDATE idempotent_request SET status = $3, content_type = $4, body = $5
    WHERE actor = $1 AND key = $2
    """
_ABANDON = "DELETE FROM idempotent_request WHERE actor = $1 AND key = $2 AND status IS NULL"


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """Who asks, with which key, and the hash of what they ask."""

    actor: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, to be given again."""

    status: int
    content_type: str
    body: bytes = field(repr=False)


async def begin(pool: Pool, request: KeyedRequest, now: datetime) -> KeptAnswer | None:
    """Give the answer that the request has had already; None: it is to be carried out now.

    Raises:
        ConflictError: it is being carried out at this moment.
        RequestError: the key was used for something else.
        TooManyRequestsError: there were too many keys today.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(_FORGET, now - KEPT_FOR, _FORGOTTEN_AT_ONCE)
        begun = await connection.fetchval(
            _BEGIN,
            request.actor,
            request.key,
            request.fingerprint,
            now,
            now - KEPT_FOR,
            now - UNDER_WAY_MAX,
        )
        if begun is None:
            return await _seen(connection, request)
        if await connection.fetchval(_COUNT, request.actor) > KEYS_MAX:
            raise TooManyRequestsError(
                f"more than {KEYS_MAX} keys in a day", retry_after_s=KEPT_FOR.total_seconds()
            )
    return None


async def finish(pool: Pool, request: KeyedRequest, answer: KeptAnswer) -> None:
    """Keep the answer of a request that was carried out.

    Raises:
        StoreUnavailableError: it is not kept.
    """
    async with transaction(pool) as connection:
        await connection.execute(
            _FINISH, request.actor, request.key, answer.status, answer.content_type, answer.body
        )


async def abandon(pool: Pool, request: KeyedRequest) -> None:
    """Forget a request that has failed: it may be asked again.

    Raises:
        StoreUnavailableError: it can be asked again in `UNDER_WAY_MAX`.
    """
    async with transaction(pool) as connection:
        await connection.execute(_ABANDON, request.actor, request.key)


async def _seen(connection: Connection, request: KeyedRequest) -> KeptAnswer:
    row = await connection.fetchrow(_SEEN, request.actor, request.key)
    if row is None:
        raise ConflictError("the request with this key has just failed: send it again")
    if row["fingerprint"] != request.fingerprint:
        raise RequestError("Idempotency-Key: it was used for another request; make a new one")
    if row["status"] is None:
        raise ConflictError("the request with this key is being carried out at this moment")
    return KeptAnswer(row["status"], row["content_type"] or "", row["body"] or b"")
