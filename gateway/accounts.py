"""Logins: a password becomes an access token and a refresh token, which becomes the next two."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import Depends, Request
from pydantic import SecretStr

from gateway.context import Context
from gateway.rate_limits import Buckets, Rate
from weir.accounts.access_tokens import LIFETIME, AccessTokens, Claims
from weir.accounts.opaque_tokens import hash_token, make_refresh_token, make_session_id
from weir.accounts.passwords import generate_password
from weir.errors import UnauthorizedError
from weir.events.event import Author
from weir.events.user import ChangePassword
from weir.postgres.queries.users import find_password
from weir.postgres.sessions import NewSession, refresh_session, start_session
from weir.postgres.users import NewPassword, UserChange, change_user

log = structlog.get_logger()

#: Wrong passwords from one address, for whichever users.
FAILURES_OF_ADDRESS = Rate(burst=10, per_s=5 / 60)
#: Wrong passwords of one user, from wherever they come: more than one address can use up, so that
#: nobody alone can lock somebody else out.
FAILURES_OF_USER = Rate(burst=20, per_s=10 / 60)

_FAILED_LOGINS = "failed logins"


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in, from where, with what program; the password is not shown by `repr`."""

    name: str
    password: str = field(repr=False)
    address: str
    client: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client shows from now on, and until when."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_ends_at: datetime


class Accounts:
    """Logs users in and keeps them so, over the accounts in the database."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._failures_of_user = Buckets(FAILURES_OF_USER)
        self._failures_of_address = Buckets(FAILURES_OF_ADDRESS)
        self.access_tokens = AccessTokens(context.pool)
        self._passwords = context.passwords

    async def log_in(self, login: Login) -> Tokens:
        """Begin a login.

        Raises:
            UnauthorizedError: the name or the password is wrong, without telling which.
            TooManyRequestsError: too many were, of this user or from this address.
            StoreUnavailableError: try again later.
        """
        await self._verify(login)
        now = self._context.now()
        refresh_token = make_refresh_token()
        session = NewSession(make_session_id(), hash_token(refresh_token), login.client, now)
        await start_session(self._context.pool, login.name, session)
        log.info("login_accepted", user=login.name, address=login.address)
        return await self._tokens(Claims(login.name, session.session_id), refresh_token, now)

    async def refresh(self, refresh_token: str, correlation_id: str) -> Tokens:
        """Go on with a login.

        Raises:
            UnauthorizedError: it has ended.
            StoreUnavailableError: try again later.
        """
        now = self._context.now()
        next_token = make_refresh_token()
        session = await refresh_session(
            self._context.pool,
            hash_token(refresh_token),
            hash_token(next_token),
            now,
            correlation_id,
        )
        return await self._tokens(Claims(session.user_name, session.session_id), next_token, now)

    async def make_password(self, chosen: SecretStr | None) -> tuple[NewPassword, str | None]:
        """Give what is stored of a password, and, when none was chosen, the one that was made.

        Raises:
            TooManyRequestsError: too many others wait.
        """
        text = chosen.get_secret_value() if chosen else generate_password()
        password = NewPassword(await self._passwords.hash(text), self._context.now())
        return password, None if chosen else text

    async def change_password(
        self, login: Login, password: str, session_id: str | None, author: Author
    ) -> None:
        """Replace a password that is known; only the login that asks for it goes on.

        Raises:
            UnauthorizedError: the present password is wrong.
            TooManyRequestsError: too many were.
            StoreUnavailableError: try again later.
        """
        await self._verify(login)
        password_hash = await self._passwords.hash(password)
        new = NewPassword(password_hash, self._context.now(), kept_session=session_id)
        change = UserChange(login.name, ChangePassword(), author, new)
        await change_user(self._context.pool, change)

    async def _verify(self, login: Login) -> None:
        now_s = self._context.now().timestamp()
        # Taken before the answer is known, so that guesses at the same time count as well.
        self._failures_of_address.take(login.address, now_s, _FAILED_LOGINS)
        self._failures_of_user.take(login.name, now_s, _FAILED_LOGINS)
        password_hash = await find_password(self._context.pool, login.name)
        if not await self._passwords.is_right(login.password, password_hash):
            # What is nobody's name may be a password, typed into the wrong field.
            user = login.name if password_hash else None
            log.warning("login_refused", user=user, address=login.address)
            raise UnauthorizedError("the name or the password is wrong")
        self._failures_of_address.give_back(login.address, now_s)
        self._failures_of_user.give_back(login.name, now_s)

    async def _tokens(self, claims: Claims, refresh_token: str, now: datetime) -> Tokens:
        access_token = await self.access_tokens.issue(claims, now)
        return Tokens(access_token, refresh_token, now + LIFETIME)


def _accounts_of(request: Request) -> Accounts:
    accounts = request.app.state.accounts
    assert isinstance(accounts, Accounts)  # noqa: S101 - `create_app` has put it there
    return accounts


#: A parameter of a route that deals with logins.
InAccounts = Annotated[Accounts, Depends(_accounts_of)]
