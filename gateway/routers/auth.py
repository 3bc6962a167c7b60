"""Logins: who comes in with a password, goes on, leaves, and who they are meanwhile."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway.access import requires
from gateway.accounts import InAccounts, Login, Tokens
from gateway.actor import InAuthor, InPrincipal, Principal
from gateway.addresses import address_of
from gateway.context import InContext
from gateway.parameters import Text
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from gateway.times import Instant
from weir.accounts.access_tokens import LIFETIME
from weir.errors import ConflictError, ForbiddenError, UnauthorizedError
from weir.model.account import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, Role
from weir.postgres.sessions import end_session

router = APIRouter(prefix="/v1/auth", tags=["accounts"])

_REFRESH_LENGTH_MAX = 200
_CLIENT_LENGTH_MAX = 200

#: A password as somebody may have typed it; what is too long is wrong for sure.
ShownPassword = Annotated[SecretStr, Field(max_length=PASSWORD_LENGTH_MAX)]
#: A password that is to hold from now on.
NewPasswordText = Annotated[
    SecretStr,
    Field(
        min_length=PASSWORD_LENGTH_MIN,
        max_length=PASSWORD_LENGTH_MAX,
        examples=["correct horse battery staple"],
    ),
]


class Body(BaseModel):
    """The body of a request; a member that the route does not know is an error."""

    model_config = ConfigDict(extra="forbid")


class LoginBody(Body):
    """Who logs in."""

    name: Text = Field(examples=["anna"])
    password: ShownPassword = Field(examples=["correct horse battery staple"])


class RefreshBody(Body):
    """The refresh token of the last answer; it can be used once."""

    refresh_token: SecretStr = Field(max_length=_REFRESH_LENGTH_MAX)


class PasswordBody(Body):
    """The password that holds, and the one that is to hold."""

    current_password: ShownPassword
    new_password: NewPasswordText


class TokenPair(BaseModel):
    """What to show from now on."""

    access_token: str = Field(description="for the header `Authorization: Bearer ...`")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - no token, but its kind
    expires_in: int = Field(description="seconds until the access token ends")
    expires_at: Instant
    refresh_token: str = Field(description="for `/v1/auth/refresh`, once")


class Me(BaseModel):
    """Who asks, and what they may do."""

    actor: str = Field(description="how the journal names them", examples=["user:anna"])
    user: str | None = Field(description="whose account it is; null: the installation's own token")
    role: Role | None = Field(description="the most that they may be; null: nothing here")
    is_login: bool = Field(description="false: a token")
    permissions: list[Permission]


@router.post("/login", responses={401: PROBLEM_RESPONSE})
async def log_in(
    body: LoginBody, request: Request, response: Response, accounts: InAccounts
) -> TokenPair:
    """Log in with name and password.

    Too many wrong ones, of one user or from one address, are answered with 429 for a while.
    """
    client = request.headers.get("user-agent", "")[:_CLIENT_LENGTH_MAX]
    login = Login(body.name, body.password.get_secret_value(), address_of(request.scope), client)
    return _pair(await accounts.log_in(login), response)


@router.post("/refresh", responses={401: PROBLEM_RESPONSE})
async def refresh(
    body: RefreshBody, request: Request, response: Response, accounts: InAccounts
) -> TokenPair:
    """Go on with a login: the next access token, and the next refresh token.

    A refresh token that is used a second time is in two hands, and ends the login.
    """
    tokens = await accounts.refresh(body.refresh_token.get_secret_value(), request.state.request_id)
    return _pair(tokens, response)


@router.post(
    "/logout",
    status_code=204,
    dependencies=[requires(Permission.ACCOUNT_USE)],
    responses={409: PROBLEM_RESPONSE},
)
async def log_out(context: InContext, principal: InPrincipal) -> None:
    """End the login that asks."""
    _, session_id = _login_of(principal)
    await end_session(context.pool, session_id)


@router.get("/me", dependencies=[requires(Permission.ACCOUNT_USE)])
async def get_me(principal: InPrincipal) -> Me:
    """Tell who asks, and what they may do."""
    return Me(
        actor=principal.name,
        user=principal.user_name,
        role=principal.role,
        is_login=principal.session_id is not None,
        permissions=sorted(principal.permissions),
    )


@router.post(
    "/password",
    status_code=204,
    dependencies=[requires(Permission.ACCOUNT_USE)],
    responses={409: PROBLEM_RESPONSE},
)
async def change_password(
    body: PasswordBody,
    request: Request,
    accounts: InAccounts,
    principal: InPrincipal,
    author: InAuthor,
) -> None:
    """Change one's own password; all other logins of the user end."""
    name, session_id = _login_of(principal)
    login = Login(name, body.current_password.get_secret_value(), address_of(request.scope), "")
    try:
        await accounts.change_password(
            login, body.new_password.get_secret_value(), session_id, author
        )
    except UnauthorizedError as error:
        # The credential of the request holds: 401 would make a client throw it away.
        raise ForbiddenError("the current password is wrong") from error


def _login_of(principal: Principal) -> tuple[str, str]:
    if principal.user_name is None or principal.session_id is None:
        raise ConflictError(f"{principal.name} is not a login: log in with name and password")
    return principal.user_name, principal.session_id


def _pair(tokens: Tokens, response: Response) -> TokenPair:
    # Source: RFC 6749, section 5.1.
    response.headers["Cache-Control"] = "no-store"
    return TokenPair(
        access_token=tokens.access_token,
        expires_in=int(LIFETIME.total_seconds()),
        expires_at=tokens.access_ends_at,
        refresh_token=tokens.refresh_token,
    )
