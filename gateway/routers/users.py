"""Users: who may come in, and what they are in each organisation."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.access import requires
from gateway.accounts import InAccounts
from gateway.actor import InAuthor, InPrincipal, Principal
from gateway.context import InContext
from gateway.etags import PRECONDITION_RESPONSES, InIfMatch, set_etag
from gateway.parameters import PageQuery
from gateway.permissions import Permission, permissions_of_user
from gateway.problems import PROBLEM_RESPONSE
from gateway.routers.auth import Body, NewPasswordText
from gateway.times import Instant
from weir.events.user import Change, ChangePassword, Create, Delete, Roles, UserState
from weir.model.account import USER_NAME_PATTERN, Role
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres.queries.users import list_users, show_user
from weir.postgres.users import UserChange, change_user

router = APIRouter(
    prefix="/v1/users", tags=["accounts"], dependencies=[requires(Permission.USERS_MANAGE)]
)

_ORGANISATIONS_MAX = 100

UserName = Annotated[str, Path(pattern=f"^{USER_NAME_PATTERN}$", examples=["anna"])]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
RolesByOrganisation = Annotated[
    dict[Slug, Role],
    Field(
        max_length=_ORGANISATIONS_MAX,
        description="what they are, by the slug of the organisation",
        examples=[{DEFAULT_ORGANISATION: "operator"}],
    ),
]


class NewUser(Body):
    """A user to be made."""

    name: str = Field(pattern=f"^{USER_NAME_PATTERN}$", examples=["anna"])
    roles: RolesByOrganisation = Field({DEFAULT_ORGANISATION: Role.VIEWER})
    password: NewPasswordText | None = Field(
        None, description="null: one is made, and shown in the answer, once"
    )


class UserPatch(Body):
    """What is to change; what is not given stays."""

    roles: RolesByOrganisation | None = Field(None, description="all roles from now on")
    is_disabled: bool | None = Field(None, description="true: every login ends, none begins")


class PasswordReset(Body):
    """The password that somebody else is to have."""

    password: NewPasswordText | None = Field(
        None, description="null: one is made, and shown in the answer, once"
    )


class UserView(BaseModel):
    """A user, without what is secret."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    state: UserState
    roles: dict[str, Role]
    version: int = Field(description="what `ETag` says too")
    created_at: Instant
    last_login_at: Instant | None
    password_changed_at: Instant


class MadeUser(UserView):
    """A user who was just made."""

    password: str | None = Field(description="shown this once; null: you have chosen it")


class ResetPassword(BaseModel):
    """A password that was just given."""

    name: str
    password: str | None = Field(description="shown this once; null: you have chosen it")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and of which version."""

    principal: InPrincipal
    if_match: InIfMatch


class UserPage(BaseModel):
    """A page of users, by name."""

    users: list[UserView]
    next_cursor: str | None = Field(description="null: this was the last page")


@router.get("")
async def get_users(query: Annotated[PageQuery, InQuery()], context: InContext) -> UserPage:
    """List users, a page at a time, by name."""
    after = cursors.decode_user(query.cursor) if query.cursor else ""
    # One more than asked for tells whether there is another page.
    found = await list_users(context.pool, after=after, limit=query.limit + 1)
    page = [UserView.model_validate(user) for user in found[: query.limit]]
    has_more = len(found) > query.limit
    return UserPage(
        users=page, next_cursor=cursors.encode_user(page[-1].name) if has_more else None
    )


@router.get("/{name}")
async def get_user(name: UserName, context: InContext, response: Response) -> UserView:
    """Show one user."""
    user = await show_user(context.pool, name)
    set_etag(response, user.version)
    return UserView.model_validate(user)


@router.post("", status_code=201, responses={409: PROBLEM_RESPONSE})
async def create_user(
    body: NewUser,
    context: InContext,
    accounts: InAccounts,
    principal: InPrincipal,
    response: Response,
) -> MadeUser:
    """Make a user."""
    _check_may_give_roles(principal, body.roles)
    password, made = await accounts.make_password(body.password)
    change = UserChange(body.name, Create(body.roles), principal.author, password)
    await change_user(context.pool, change)
    user = await show_user(context.pool, body.name)
    set_etag(response, user.version)
    response.headers["Cache-Control"] = "no-store"
    return MadeUser(**UserView.model_validate(user).model_dump(), password=made)


@router.patch("/{name}", responses={409: PROBLEM_RESPONSE, **PRECONDITION_RESPONSES})
async def patch_user(
    name: UserName,
    body: UserPatch,
    context: InContext,
    asked: Annotated[Asked, Depends()],
    response: Response,
) -> UserView:
    """Change the roles of a user, or whether they may come in; what they have lost ends at once."""
    _check_may_give_roles(asked.principal, body.roles or {})
    change = Change(body.roles, body.is_disabled)
    await change_user(
        context.pool,
        UserChange(name, change, asked.principal.author, precondition=asked.if_match),
    )
    user = await show_user(context.pool, name)
    set_etag(response, user.version)
    return UserView.model_validate(user)


@router.delete("/{name}", status_code=204, responses={409: PROBLEM_RESPONSE})
async def delete_user(name: UserName, context: InContext, author: InAuthor) -> None:
    """Delete a user with all logins and tokens; the name stays theirs in the journal."""
    await change_user(context.pool, UserChange(name, Delete(), author))


@router.post("/{name}/password")
async def reset_password(
    name: UserName,
    body: PasswordReset,
    context: InContext,
    accounts: InAccounts,
    principal: InPrincipal,
) -> ResetPassword:
    """Give a user another password; all their logins end."""
    user = await show_user(context.pool, name)
    _check_may_give_roles(principal, user.roles)
    password, made = await accounts.make_password(body.password)
    await change_user(context.pool, UserChange(name, ChangePassword(), principal.author, password))
    return ResetPassword(name=name, password=made)


def _check_may_give_roles(principal: Principal, roles: Roles) -> None:
    for role in roles.values():
        principal.check_may_give(permissions_of_user(role))
