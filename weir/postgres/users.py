"""Users: a change is decided by `weir.events.user`, stored and journalled in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from weir.errors import ConflictError, NotFoundError
from weir.events import api_token
from weir.events.event import Author, JournalEntry, entries_of
from weir.events.user import (
    ENTITY,
    Command,
    Create,
    Delete,
    Roles,
    User,
    UserPasswordChanged,
    UserState,
    decide,
    evolve,
)
from weir.model.account import Role
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres import journal
from weir.postgres.pool import Connection, Pool, transaction

#: Changes of users are rare, and "the last administrator" is about all of them: one at a time.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('weir.users', 0))"
_LOAD = """
    SELECT user_id, state, entity_version FROM user_account WHERE name = $1 FOR UPDATE
    """
_ROLES = """
    SELECT slug, role FROM user_role JOIN organisation USING (org_id) WHERE user_id = $1
    """
_PUT = """
    INSERT INTO user_account (name, password_hash, password_changed_at) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE
    SET password_hash = excluded.password_hash, password_changed_at = excluded.password_changed_at
    RETURNING user_id
    """
_UPDATE = "UPDATE user_account SET state = $2, entity_version = $3 WHERE user_id = $1"
_DROP_ROLES = "DELETE FROM user_role WHERE user_id = $1"
_ADD_ROLES = """
    INSERT INTO user_role (user_id, org_id, role)
    SELECT $1, org_id, wanted.role FROM unnest($2::text[], $3::text[]) AS wanted (slug, role)
    JOIN organisation USING (slug)
    RETURNING org_id
    """
_END_SESSIONS = "DELETE FROM user_session WHERE user_id = $1 AND session_id IS DISTINCT FROM $2"
_OTHER_ADMINS = """
    SELECT count(*)
    FROM user_account JOIN user_role USING (user_id) JOIN organisation USING (org_id)
    WHERE user_account.name <> $1 AND state = 'active' AND role = 'admin' AND slug = $2
    """
_REVOKE_TOKENS = """
    UPDATE api_token SET revoked_at = now(), entity_version = entity_version + 1
    WHERE user_id = $1 AND revoked_at IS NULL RETURNING token_id, entity_version
    """
_ANY_USER = "SELECT EXISTS (SELECT FROM user_account)"


class Precondition(Protocol):
    """What the one who asks for a change wants to be true before it."""

    def check(self, version: int) -> None:
        """Let a change of this version pass, or raise a `WeirError`."""
        ...


@dataclass(frozen=True, slots=True)
class NewPassword:
    """The hash of a password, since when it holds, and the login that may go on."""

    password_hash: str
    changed_at: datetime
    kept_session: str | None = None


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to become of a user.

    `password` comes with `Create` and `ChangePassword`.
    """

    name: str
    command: Command
    author: Author
    password: NewPassword | None = None
    precondition: Precondition | None = None


async def change_user(pool: Pool, change: UserChange) -> User:
    """Carry out a change; whoever may no longer come in is out at once.

    Raises:
        ConflictError: there is such a user already, or nobody would be left who administers.
        NotFoundError: there is no such user, or no such organisation.
        PreconditionFailedError: somebody else was faster.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(_LOCK)
        return await _change(connection, change)


async def create_first_admin(pool: Pool, name: str, password: NewPassword, author: Author) -> bool:
    """Make an administrator if there has never been any user; False when there has.

    Raises:
        StoreUnavailableError: try again later.
    """
    create = Create({DEFAULT_ORGANISATION: Role.ADMIN})
    async with transaction(pool) as connection:
        await connection.execute(_LOCK)
        if await connection.fetchval(_ANY_USER):
            return False
        await _change(connection, UserChange(name, create, author, password))
    return True


async def _change(connection: Connection, change: UserChange) -> User:
    user_id, before = await _load(connection, change.name)
    if change.precondition and before.exists:
        change.precondition.check(before.version)
    decided = decide(before, change.command)
    if not decided:
        return before
    after = before
    for event in decided:
        after = evolve(after, event)
    await _keep_an_admin(connection, change.name, before, after)
    user_id = await _store(connection, change, user_id, after)
    entries = entries_of(ENTITY, change.name, before.version, decided, change.author)
    if isinstance(change.command, Delete):
        entries += await _revoke_tokens(connection, user_id, change.author)
    if after.state is not UserState.ACTIVE or UserPasswordChanged() in decided:
        kept = change.password.kept_session if change.password else None
        await connection.execute(_END_SESSIONS, user_id, kept)
    await journal.append(connection, entries)
    return after


async def _load(connection: Connection, name: str) -> tuple[int | None, User]:
    row = await connection.fetchrow(_LOAD, name)
    if row is None:
        return None, User()
    roles = await connection.fetch(_ROLES, row["user_id"])
    return row["user_id"], User(
        row["entity_version"],
        UserState(row["state"]),
        {role["slug"]: Role(role["role"]) for role in roles},
    )


async def _keep_an_admin(connection: Connection, name: str, before: User, after: User) -> None:
    for organisation in before.roles:
        loses_one = before.administers(organisation) and not after.administers(organisation)
        if loses_one and not await connection.fetchval(_OTHER_ADMINS, name, organisation):
            raise ConflictError(
                f"{name} is the last administrator of {organisation}: make another one first"
            )


async def _store(
    connection: Connection, change: UserChange, user_id: int | None, after: User
) -> int:
    if user_id is None or change.password:
        assert change.password  # noqa: S101 - a user is made with one
        user_id = await connection.fetchval(
            _PUT, change.name, change.password.password_hash, change.password.changed_at
        )
    await connection.execute(_UPDATE, user_id, after.state, after.version)
    await connection.execute(_DROP_ROLES, user_id)
    added = await connection.fetch(
        _ADD_ROLES, user_id, list(after.roles), list(after.roles.values())
    )
    if len(added) < len(after.roles):
        raise NotFoundError(f"one of these organisations does not exist: {_spelled(after.roles)}")
    return int(user_id)


async def _revoke_tokens(
    connection: Connection, user_id: int, author: Author
) -> list[JournalEntry]:
    entries = []
    for row in await connection.fetch(_REVOKE_TOKENS, user_id):
        entries += entries_of(
            api_token.ENTITY,
            str(row["token_id"]),
            row["entity_version"] - 1,
            [api_token.ApiTokenRevoked()],
            author,
        )
    return entries


def _spelled(roles: Roles) -> str:
    return ", ".join(sorted(roles))
