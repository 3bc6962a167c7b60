"""The life of an API token, as events; never with the token itself."""

from datetime import datetime
from typing import ClassVar

from weir.events.event import DomainEvent
from weir.model.account import Role

ENTITY = "api_token"


class ApiTokenCreated(DomainEvent):
    """A token was given to a user.

    `role` is the most that it may do, and never more than its owner may; `permissions` narrow it
    further, None: not at all.
    """

    type: ClassVar[str] = "api_token_created"

    name: str
    owner: str
    role: Role
    permissions: tuple[str, ...] | None = None
    expires_at: datetime


class ApiTokenRevoked(DomainEvent):
    """A token was taken back, before it has expired by itself."""

    type: ClassVar[str] = "api_token_revoked"


EVENTS: tuple[type[DomainEvent], ...] = (ApiTokenCreated, ApiTokenRevoked)
