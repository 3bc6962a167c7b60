"""Users, as they are listed, and as they come in."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.errors import NotFoundError
from weir.events.user import UserState
from weir.model.account import Role
from weir.postgres.queries import Pool
from weir.postgres.queries._read import fetch, fetch_row

_COLUMNS = """
    name, state, entity_version AS version, recorded_at AS created_at, last_login_at,
    password_changed_at,
    ARRAY(SELECT ARRAY[slug, role] FROM user_role JOIN organisation USING (org_id)
          WHERE user_role.user_id = user_account.user_id ORDER BY slug) AS roles
    """
_LIST = f"""
    SELECT {_COLUMNS} FROM user_account WHERE state <> 'deleted' AND name > $1
    ORDER BY name LIMIT $2
    """  # noqa: S608 - a constant
_SHOW = f"""
    SELECT {_COLUMNS} FROM user_account WHERE state <> 'deleted' AND name = $1
    """  # noqa: S608 - a constant
_ANY = "SELECT FROM user_account LIMIT 1"
_PASSWORD = "SELECT password_hash FROM user_account WHERE name = $1 AND state = 'active'"  # noqa: S105 - a statement
_ROLE_IN_SESSION = """
    SELECT role FROM user_session JOIN user_account USING (user_id)
    LEFT JOIN (user_role JOIN organisation USING (org_id))
        ON user_role.user_id = user_account.user_id AND slug = $4
    WHERE session_id = $1 AND user_account.name = $2 AND expires_at > $3 AND state = 'active'
    """


@dataclass(frozen=True, slots=True)
class UserSummary:
    """A user, without what is secret."""

    name: str
    state: UserState
    version: int
    roles: dict[str, Role]
    created_at: datetime
    last_login_at: datetime | None
    password_changed_at: datetime


@dataclass(frozen=True, slots=True)
class SessionHolder:
    """Whose login it is: what they are in the organisation, if anything."""

    role: Role | None


async def list_users(pool: Pool, *, after: str, limit: int) -> list[UserSummary]:
    """List users by name, those behind `after`.

    Raises:
        StoreUnavailableError: try again later.
    """
    return [_summary(row) for row in await fetch(pool, _LIST, after, limit)]


async def show_user(pool: Pool, name: str) -> UserSummary:
    """Give one user.

    Raises:
        NotFoundError: there is no such user.
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _SHOW, name)
    if row is None:
        raise NotFoundError(f"there is no user {name}")
    return _summary(row)


async def has_users(pool: Pool) -> bool:
    """Tell whether there has ever been a user.

    Raises:
        StoreUnavailableError: try again later.
    """
    return bool(await fetch(pool, _ANY))


async def find_password(pool: Pool, name: str) -> str | None:
    """Give the hash of the password of a user who may come in; None: there is nobody.

    Raises:
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _PASSWORD, name)
    return None if row is None else row["password_hash"]


async def find_session(
    pool: Pool, session_id: str, user_name: str, organisation: str, now: datetime
) -> SessionHolder | None:
    """Tell what the holder of a login is in an organisation; None: the login has ended.

    Raises:
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _ROLE_IN_SESSION, session_id, user_name, now, organisation)
    return None if row is None else SessionHolder(_role(row["role"]))


def _role(text: str | None) -> Role | None:
    return None if text is None else Role(text)


def _summary(row: asyncpg.Record) -> UserSummary:
    values = dict(row)
    values["state"] = UserState(values["state"])
    values["roles"] = {slug: Role(role) for slug, role in values["roles"]}
    return UserSummary(**values)
