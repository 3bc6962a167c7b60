"""Who asks: found out before a request meets its route, and there for every handler."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from gateway.permissions import Permission
from weir.errors import ForbiddenError
from weir.events.event import Author
from weir.model.account import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose credential holds.

    Attributes:
        name: `user:<name>` or `token:<name>`.
        permissions: what they may do at this moment.
        role: the most that they may be; None: nothing in this organisation.
        user_name: whose account it is; None: the installation's own token, which is nobody's.
        session_id: their login; None: they show a token.
        request_id: of the request that they make.
        token_hash: of the API token that they show.
    """

    name: str
    permissions: frozenset[Permission]
    role: Role | None = None
    user_name: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    token_hash: bytes | None = field(default=None, repr=False)

    @property
    def author(self) -> Author:
        """Who the journal says has done what this request does."""
        return Author(self.name, correlation_id=self.request_id)

    def check_may_give(self, permissions: frozenset[Permission]) -> None:
        """Let nobody give what they do not have: a narrow token could make itself an admin.

        Raises:
            ForbiddenError: something is missing.
        """
        missing = sorted(permissions - self.permissions)
        if missing:
            raise ForbiddenError(
                f"{self.name} may not give more than it has: it lacks {', '.join(missing)}"
            )


def _principal_of(request: Request) -> Principal:
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101 - `Authentication` has put it there
    return principal


#: A parameter of a route that decides by who asks.
InPrincipal = Annotated[Principal, Depends(_principal_of)]


def _author_of(principal: InPrincipal) -> Author:
    return principal.author


#: A parameter of a route that changes something: who the journal says has done it.
InAuthor = Annotated[Author, Depends(_author_of)]
