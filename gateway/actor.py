"""Who asks: found out before a request meets its route, and there for every handler."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.permissions import Permission
from weir.events.event import Author


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose credential holds.

    Attributes:
        name: `user:<name>` or `token:<name>`.
        permissions: what they may do at this moment.
        user_name: whose account it is; None: the installation's own token, which is nobody's.
        session_id: their login; None: they show a token.
    """

    name: str
    permissions: frozenset[Permission]
    user_name: str | None = None
    session_id: str | None = None


def _principal_of(request: Request) -> Principal:
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101 - `Authentication` has put it there
    return principal


#: A parameter of a route that decides by who asks.
InPrincipal = Annotated[Principal, Depends(_principal_of)]


def _author_of(request: Request, principal: InPrincipal) -> Author:
    return Author(principal.name, correlation_id=request.state.request_id)


#: A parameter of a route that changes something: who the journal says has done it.
InAuthor = Annotated[Author, Depends(_author_of)]
