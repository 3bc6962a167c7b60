"""The kinds of credentials that the gateway takes, and whose each is."""

from hmac import compare_digest

from gateway.accounts import Accounts
from gateway.actor import Principal
from gateway.context import Context
from gateway.permissions import Permission, permissions_of_token, permissions_of_user
from weir.accounts.opaque_tokens import API_TOKEN_PREFIX, hash_token
from weir.errors import UnauthorizedError
from weir.model.account import Role
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres.api_tokens import note_use
from weir.postgres.queries.api_tokens import find_token
from weir.postgres.queries.users import find_session

#: What the journal calls whoever shows the installation's own token, WEIR_GATEWAY_TOKEN.
LOCAL_TOKEN = "token:local"  # noqa: S105 - its name


async def identify(context: Context, accounts: Accounts, credential: str) -> Principal:
    """Tell whose credential this is, and what they may do at this moment.

    What they may do is looked up each time, so that whatever is taken away is gone at once.

    Raises:
        UnauthorizedError: it is none of ours, or does not hold any more.
        StoreUnavailableError: try again later.
    """
    if context.token and _is_same(credential, context.token):
        return Principal(LOCAL_TOKEN, permissions_of_user(Role.ADMIN), Role.ADMIN)
    if credential.startswith(API_TOKEN_PREFIX):
        return await _holder_of_token(context, credential)
    return await _holder_of_login(context, accounts, credential)


async def permissions_now(context: Context, principal: Principal) -> frozenset[Permission]:
    """Tell what somebody may do by now whose credential held a while ago.

    Nothing, when it was taken away. An access token may have ended meanwhile: then it is the login
    that counts.

    Raises:
        StoreUnavailableError: try again later.
    """
    now = context.now()
    if principal.session_id is not None and principal.user_name is not None:
        holder = await find_session(
            context.pool, principal.session_id, principal.user_name, DEFAULT_ORGANISATION, now
        )
        return permissions_of_user(holder.role) if holder else frozenset()
    if principal.token_hash is not None:
        found = await find_token(context.pool, principal.token_hash, DEFAULT_ORGANISATION, now)
        if found is None:
            return frozenset()
        return permissions_of_token(found.owner_role, found.role, found.permissions)
    # The installation's own token holds as long as the gateway runs.
    return principal.permissions


async def _holder_of_token(context: Context, token: str) -> Principal:
    now = context.now()
    hashed = hash_token(token)
    found = await find_token(context.pool, hashed, DEFAULT_ORGANISATION, now)
    if found is None:
        raise UnauthorizedError("the token does not hold: it is wrong, expired or revoked")
    if found.is_use_noteworthy:
        await note_use(context.pool, found.token_id, now)
    allowed = permissions_of_token(found.owner_role, found.role, found.permissions)
    return Principal(f"token:{found.name}", allowed, found.role, found.owner, token_hash=hashed)


async def _holder_of_login(context: Context, accounts: Accounts, token: str) -> Principal:
    now = context.now()
    claims = await accounts.access_tokens.verify(token, now)
    holder = await find_session(
        context.pool, claims.session_id, claims.user_name, DEFAULT_ORGANISATION, now
    )
    if holder is None:
        raise UnauthorizedError("the login has ended: log in again")
    return Principal(
        f"user:{claims.user_name}",
        permissions_of_user(holder.role),
        holder.role,
        claims.user_name,
        claims.session_id,
    )


def _is_same(shown: str, secret: str) -> bool:
    # The time that a comparison takes must not tell how much of a guess is right.
    return compare_digest(shown.encode(), secret.encode())
