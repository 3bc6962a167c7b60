"""API tokens, as they are listed, and as they come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from weir.model.account import Role
from weir.postgres.api_tokens import LAST_USED_INTERVAL
from weir.postgres.queries import Pool
from weir.postgres.queries._read import fetch, fetch_row

TOKEN_ID_MAX = 2**31 - 1

_LIST = """
    SELECT token_id, api_token.name, user_account.name AS owner, role, permissions, created_at,
           expires_at, last_used_at, revoked_at
    FROM api_token JOIN user_account USING (user_id)
    WHERE token_id < $1 AND ($2::text IS NULL OR user_account.name = $2)
      AND (NOT $3 OR (revoked_at IS NULL AND expires_at > $4))
    ORDER BY token_id DESC LIMIT $5
    """
_FIND = """
    SELECT token_id, api_token.name, user_account.name AS owner, owner_role.role AS owner_role,
           api_token.role, permissions,
           last_used_at IS NULL OR last_used_at <= $2::timestamptz - $4::interval
               AS is_use_noteworthy
    FROM api_token JOIN user_account USING (user_id)
    LEFT JOIN (user_role JOIN organisation USING (org_id)) AS owner_role
        ON owner_role.user_id = user_account.user_id AND owner_role.slug = $3
    WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2 AND state = 'active'
    """


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """A token, without itself."""

    token_id: int
    name: str
    owner: str
    role: Role
    permissions: Sequence[str] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Whose token it is, and all that decides what it may do."""

    token_id: int
    name: str
    owner: str
    owner_role: Role | None
    role: Role
    permissions: Sequence[str] | None
    is_use_noteworthy: bool


@dataclass(frozen=True, slots=True)
class TokenFilter:
    """Which tokens: whose (None: anybody's), and whether those that have ended are among them."""

    owner: str | None
    only_live: bool


async def list_tokens(
    pool: Pool, wanted: TokenFilter, now: datetime, *, before_id: int, limit: int
) -> list[TokenSummary]:
    """List tokens, the newest first, those before a number.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(pool, _LIST, before_id, wanted.owner, wanted.only_live, now, limit)
    return [TokenSummary(**_with_roles(row)) for row in rows]


async def find_token(
    pool: Pool, token_hash: bytes, organisation: str, now: datetime
) -> TokenHolder | None:
    """Find the live token with this hash, and what its owner is in an organisation.

    Raises:
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _FIND, token_hash, now, organisation, LAST_USED_INTERVAL)
    return None if row is None else TokenHolder(**_with_roles(row))


def _with_roles(row: asyncpg.Record) -> dict[str, Any]:
    values = dict(row)
    for key in ("role", "owner_role"):
        if values.get(key) is not None:
            values[key] = Role(values[key])
    return values
