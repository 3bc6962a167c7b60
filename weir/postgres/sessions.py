"""Logins: each a family of refresh tokens, of which only the newest may be used, and once.

A refresh token that is shown a second time is in two hands: the whole login ends. Source: RFC 9700,
"Best Current Practice for OAuth 2.0 Security", section 4.14.2.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from weir.errors import UnauthorizedError
from weir.events import user as user_events
from weir.events.event import Author, entries_of
from weir.postgres import journal
from weir.postgres.pool import Connection, Pool, transaction

#: A login that is used goes on for so long; then the password is asked for again.
SESSION_LIFETIME = timedelta(days=30)
#: A login that is not used ends.
REFRESH_LIFETIME = timedelta(days=7)
#: Logins of one user; the oldest ends when there is one more.
SESSIONS_MAX = 50
CLIENT_LENGTH_MAX = 200
REUSED = "refresh_token_reused"

_START = """
    INSERT INTO user_session (session_id, user_id, client, started_at, expires_at)
    SELECT $1, user_id, $3, $4, $5 FROM user_account WHERE name = $2 AND state = 'active'
    RETURNING user_id
    """
_LOGGED_IN = "UPDATE user_account SET last_login_at = $2 WHERE user_id = $1"
_DROP_ENDED = "DELETE FROM user_session WHERE expires_at < $1"
_DROP_OLDEST = """
    DELETE FROM user_session WHERE session_id IN (
        SELECT session_id FROM user_session WHERE user_id = $1
        ORDER BY started_at DESC, session_id OFFSET $2)
    """
_ADD_REFRESH = "INSERT INTO refresh_token (token_hash, session_id, expires_at) VALUES ($1, $2, $3)"
_USE_REFRESH = """
    UPDATE refresh_token SET used_at = $2
    WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING session_id
    """
#: The token before the user: an update that comes too late has locked the token although it changed
#: nothing, and would wait for the user whom another one, which locked no token, already has.
_SESSION_OF = """
    SELECT session_id FROM refresh_token WHERE token_hash = $1 AND used_at IS NOT NULL FOR UPDATE
    """
_HOLDER = """
    SELECT name, session_id, expires_at FROM user_session JOIN user_account USING (user_id)
    WHERE session_id = $1 AND expires_at > $2 AND state = 'active'
    """
_END = "DELETE FROM user_session WHERE session_id = $1"
_REVOKE = """
    UPDATE user_account SET entity_version = entity_version + 1
    FROM user_session WHERE user_session.user_id = user_account.user_id AND session_id = $1
    RETURNING name, entity_version
    """


@dataclass(frozen=True, slots=True)
class NewSession:
    """A login that begins: its name, the hash of its first refresh token, and what logs in."""

    session_id: str
    refresh_hash: bytes
    client: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A login that goes on, and whose it is."""

    session_id: str
    user_name: str


async def start_session(pool: Pool, user_name: str, session: NewSession) -> None:
    """Begin a login of a user who has shown the password.

    Raises:
        UnauthorizedError: they may not come in (any more).
        StoreUnavailableError: try again later.
    """
    ends_at = session.started_at + SESSION_LIFETIME
    async with transaction(pool) as connection:
        await connection.execute(_DROP_ENDED, session.started_at)
        user_id = await connection.fetchval(
            _START,
            session.session_id,
            user_name,
            session.client[:CLIENT_LENGTH_MAX],
            session.started_at,
            ends_at,
        )
        if user_id is None:
            raise UnauthorizedError("the user may not come in")
        await _add_token(connection, session.session_id, session.refresh_hash, session.started_at)
        await connection.execute(_LOGGED_IN, user_id, session.started_at)
        await connection.execute(_DROP_OLDEST, user_id, SESSIONS_MAX)


async def refresh_session(
    pool: Pool, shown_hash: bytes, next_hash: bytes, now: datetime, correlation_id: str
) -> Session:
    """Use a refresh token, and put the next one in its place.

    Raises:
        UnauthorizedError: it is none, has ended, or was used before; then the login has ended.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        session_id = await connection.fetchval(_USE_REFRESH, shown_hash, now)
        if session_id is not None:
            holder = await connection.fetchrow(_HOLDER, session_id, now)
            if holder is not None:
                await _add_token(connection, session_id, next_hash, now)
                return Session(session_id, holder["name"])
        else:
            await _revoke_if_used(connection, shown_hash, Author("system", correlation_id))
    # Only now, so that what was revoked stays so.
    raise UnauthorizedError("the login has ended: log in again")


async def end_session(pool: Pool, session_id: str) -> None:
    """End a login; safe to repeat.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(_END, session_id)


async def _add_token(
    connection: Connection, session_id: str, token_hash: bytes, now: datetime
) -> None:
    await connection.execute(_ADD_REFRESH, token_hash, session_id, now + REFRESH_LIFETIME)


async def _revoke_if_used(connection: Connection, token_hash: bytes, author: Author) -> None:
    session_id = await connection.fetchval(_SESSION_OF, token_hash)
    row = await connection.fetchrow(_REVOKE, session_id)
    if row is None:
        return
    await connection.execute(_END, session_id)
    event = user_events.UserSessionRevoked(session_id=session_id, reason=REUSED)
    entries = entries_of(
        user_events.ENTITY, row["name"], row["entity_version"] - 1, [event], author
    )
    await journal.append(connection, entries)
