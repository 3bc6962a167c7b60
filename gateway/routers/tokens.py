"""API tokens: credentials of scripts and services, narrower than their owners, and ending."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.access import requires
from gateway.actor import InPrincipal, Principal
from gateway.context import InContext
from gateway.parameters import PageQuery, Text
from gateway.permissions import ROLE_PERMISSIONS, Permission, permissions_of_user
from gateway.problems import PROBLEM_RESPONSE
from gateway.routers.auth import Body
from gateway.times import Instant
from weir.accounts.opaque_tokens import API_TOKEN_PREFIX, hash_token, make_api_token
from weir.errors import ForbiddenError, RequestError
from weir.events.api_token import ApiTokenCreated
from weir.model.account import (
    TOKEN_LIFETIME_DAYS,
    TOKEN_LIFETIME_DAYS_MAX,
    TOKEN_NAME_PATTERN,
    USER_NAME_PATTERN,
    Role,
)
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres import api_tokens
from weir.postgres.api_tokens import NewToken
from weir.postgres.queries.api_tokens import TOKEN_ID_MAX, TokenFilter, list_tokens
from weir.postgres.queries.users import show_user

router = APIRouter(
    prefix="/v1/tokens", tags=["accounts"], dependencies=[requires(Permission.ACCOUNT_USE)]
)

TokenId = Annotated[int, Path(ge=1, le=TOKEN_ID_MAX)]


class TokenQuery(PageQuery):
    """Which tokens to list; without the permission `tokens:manage` only one's own."""

    owner: Text | None = Field(None, description="only this user's")
    ended: bool = Field(default=False, description="true: also those expired or revoked")


class NewTokenBody(Body):
    """A token to be made."""

    name: str = Field(pattern=f"^{TOKEN_NAME_PATTERN}$", examples=["grafana"])
    role: Role = Field(
        Role.VIEWER, description="the most that it may be; never more than its owner"
    )
    permissions: list[Permission] | None = Field(
        None,
        min_length=1,
        max_length=len(Permission),
        description="narrows the role to these; null: not at all",
        examples=[["readings:read", "devices:read"]],
    )
    lifetime_days: int = Field(
        TOKEN_LIFETIME_DAYS, ge=1, le=TOKEN_LIFETIME_DAYS_MAX, description="until it expires"
    )
    owner: str | None = Field(
        None,
        pattern=f"^{USER_NAME_PATTERN}$",
        description="whose it is; null: whoever asks. For others: `tokens:manage`",
    )


class TokenView(BaseModel):
    """A token, without itself."""

    model_config = ConfigDict(from_attributes=True)

    token_id: int
    name: str = Field(description="the journal calls it `token:` and this")
    owner: str
    role: Role
    permissions: Sequence[str] | None = Field(description="null: all of the role")
    created_at: Instant
    expires_at: Instant
    last_used_at: Instant | None = Field(description="to a minute; null: never")
    revoked_at: Instant | None


class TokenPage(BaseModel):
    """A page of tokens, the newest first."""

    tokens: list[TokenView]
    next_cursor: str | None = Field(description="null: this was the last page")


class MadeToken(BaseModel):
    """A token that was just made."""

    token_id: int
    name: str
    owner: str
    expires_at: Instant
    token: str = Field(
        description="shown this once; only its hash is kept", examples=[f"{API_TOKEN_PREFIX}..."]
    )


@router.get("")
async def get_tokens(
    query: Annotated[TokenQuery, InQuery()], context: InContext, principal: InPrincipal
) -> TokenPage:
    """List tokens, a page at a time, the newest first."""
    owner = query.owner
    if Permission.TOKENS_MANAGE not in principal.permissions:
        owner = _own_name(principal)
        if query.owner not in {None, owner}:
            raise ForbiddenError(f"{principal.name} may list its own tokens only")
    wanted = TokenFilter(owner, only_live=not query.ended)
    before_id = cursors.decode_number(query.cursor) if query.cursor else TOKEN_ID_MAX
    # One more than asked for tells whether there is another page.
    found = await list_tokens(
        context.pool, wanted, context.now(), before_id=before_id, limit=query.limit + 1
    )
    page = [TokenView.model_validate(token) for token in found[: query.limit]]
    has_more = len(found) > query.limit
    return TokenPage(
        tokens=page, next_cursor=cursors.encode_number(page[-1].token_id) if has_more else None
    )


@router.post("", status_code=201, responses={409: PROBLEM_RESPONSE})
async def create_token(
    body: NewTokenBody, context: InContext, principal: InPrincipal, response: Response
) -> MadeToken:
    """Make a token; a token cannot make others, somebody must have logged in."""
    owner = body.owner or _own_name(principal)
    await _check_may_make(context, principal, owner, body)
    now = context.now()
    event = ApiTokenCreated(
        name=body.name,
        owner=owner,
        role=body.role,
        permissions=None if body.permissions is None else tuple(sorted(set(body.permissions))),
        expires_at=now + timedelta(days=body.lifetime_days),
    )
    token = make_api_token()
    new = NewToken(hash_token(token), now, event)
    token_id = await api_tokens.create_token(context.pool, new, principal.author)
    response.headers["Cache-Control"] = "no-store"
    return MadeToken(
        token_id=token_id, name=body.name, owner=owner, expires_at=event.expires_at, token=token
    )


@router.delete("/{token_id}", status_code=204)
async def revoke_token(token_id: TokenId, context: InContext, principal: InPrincipal) -> None:
    """Take a token back, at once and for good."""
    may_all = Permission.TOKENS_MANAGE in principal.permissions
    owner = None if may_all else _own_name(principal)
    await api_tokens.revoke_token(context.pool, token_id, owner, context.now(), principal.author)


async def _check_may_make(
    context: InContext, principal: Principal, owner: str, body: NewTokenBody
) -> None:
    if principal.user_name is not None and principal.session_id is None:
        raise ForbiddenError("a token cannot make tokens: log in")
    if owner != principal.user_name and Permission.TOKENS_MANAGE not in principal.permissions:
        raise ForbiddenError(f"{principal.name} may make its own tokens only")
    of_role = ROLE_PERMISSIONS[body.role]
    beyond = sorted(set(body.permissions or ()) - of_role)
    if beyond:
        raise RequestError(f"body.permissions: the role {body.role} lacks {', '.join(beyond)}")
    user = await show_user(context.pool, owner)
    if not of_role <= permissions_of_user(user.roles.get(DEFAULT_ORGANISATION)):
        raise ForbiddenError(f"{owner} is less than {body.role}: so must be the token")


def _own_name(principal: Principal) -> str:
    if principal.user_name is None:
        raise RequestError(f"{principal.name} is nobody's: say whose token it is to be (owner)")
    return principal.user_name
