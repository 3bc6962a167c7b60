"""API tokens: made, used, revoked; only their hashes are stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from weir.errors import ConflictError, NotFoundError
from weir.events.api_token import ENTITY, ApiTokenCreated, ApiTokenRevoked
from weir.events.event import Author, entries_of
from weir.postgres import journal
from weir.postgres.pool import Pool, transaction

#: "Last used" is this exact: a token that is used a thousand times a second writes once a minute.
LAST_USED_INTERVAL = timedelta(minutes=1)
#: Tokens of one user that have not ended.
TOKENS_MAX = 100

_LOCK_OWNER = """
    SELECT user_id FROM user_account WHERE name = $1 AND state <> 'deleted' FOR UPDATE
    """
_COUNT = """
    SELECT count(*) FROM api_token
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
    """
#: A name is free again when the token that had it has ended.
_FREE_NAME = """
    UPDATE api_token SET revoked_at = expires_at
    WHERE name = $1 AND revoked_at IS NULL AND expires_at <= $2
    """
_ADD = """
    INSERT INTO api_token (user_id, name, token_hash, role, permissions, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
    RETURNING token_id
    """
_REVOKE = """
    UPDATE api_token SET revoked_at = $3, entity_version = api_token.entity_version + 1
    FROM user_account
    WHERE api_token.user_id = user_account.user_id AND token_id = $1 AND revoked_at IS NULL
      AND ($2::text IS NULL OR user_account.name = $2)
    RETURNING api_token.entity_version
    """
_USED = """
    UPDATE api_token SET last_used_at = $2
    WHERE token_id = $1 AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - $3::interval)
    """


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that is to be: the hash of it, when it was made, and what the journal will say."""

    token_hash: bytes
    created_at: datetime
    event: ApiTokenCreated


async def create_token(pool: Pool, token: NewToken, author: Author) -> int:
    """Give a user a token; returns its number.

    Raises:
        ConflictError: another one has the name, or the user has very many.
        NotFoundError: there is no such user.
        StoreUnavailableError: try again later.
    """
    event = token.event
    async with transaction(pool) as connection:
        user_id = await connection.fetchval(_LOCK_OWNER, event.owner)
        if user_id is None:
            raise NotFoundError(f"there is no user {event.owner}")
        if await connection.fetchval(_COUNT, user_id, token.created_at) >= TOKENS_MAX:
            raise ConflictError(f"{event.owner} has {TOKENS_MAX} tokens: revoke some first")
        await connection.execute(_FREE_NAME, event.name, token.created_at)
        token_id = await connection.fetchval(
            _ADD,
            user_id,
            event.name,
            token.token_hash,
            event.role,
            event.permissions,
            token.created_at,
            event.expires_at,
        )
        if token_id is None:
            raise ConflictError(f"there is a token {event.name} already")
        entries = entries_of(ENTITY, str(token_id), 0, [event], author)
        await journal.append(connection, entries)
    return int(token_id)


async def revoke_token(
    pool: Pool, token_id: int, owner: str | None, now: datetime, author: Author
) -> None:
    """Take a token back, at once and for good; `owner`: only if it is theirs.

    Raises:
        NotFoundError: there is no such token that has not been revoked.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        version = await connection.fetchval(_REVOKE, token_id, owner, now)
        if version is None:
            raise NotFoundError(f"there is no token {token_id} to revoke")
        entries = entries_of(ENTITY, str(token_id), version - 1, [ApiTokenRevoked()], author)
        await journal.append(connection, entries)


async def note_use(pool: Pool, token_id: int, now: datetime) -> None:
    """Remember that a token was used, once in `LAST_USED_INTERVAL`.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(_USED, token_id, now, LAST_USED_INTERVAL)
