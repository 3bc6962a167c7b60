"""The life of a user, as events: what they are in each organisation, and whether they may come in.

No secret is ever in an event. The entity is the user's name: it is never given to somebody else,
and a user who comes back under it continues the same history.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

from weir.errors import ConflictError, NotFoundError
from weir.events.event import DomainEvent
from weir.model.account import Role

ENTITY = "user"
#: What somebody is, by the slug of the organisation.
Roles = Mapping[str, Role]


class UserCreated(DomainEvent):
    """A user was made, or came back after having been deleted."""

    type: ClassVar[str] = "user_created"

    roles: dict[str, Role]


class UserRolesChanged(DomainEvent):
    """A user has other roles now; `roles` are all of them."""

    type: ClassVar[str] = "user_roles_changed"

    roles: dict[str, Role]


class UserDisabled(DomainEvent):
    """A user may no longer come in; all that they are is kept."""

    type: ClassVar[str] = "user_disabled"


class UserEnabled(DomainEvent):
    """A user who was disabled may come in again."""

    type: ClassVar[str] = "user_enabled"


class UserPasswordChanged(DomainEvent):
    """A user has another password, given by themselves or by the actor."""

    type: ClassVar[str] = "user_password_changed"


class UserSessionRevoked(DomainEvent):
    """A login of a user was ended, because it may be in other hands."""

    type: ClassVar[str] = "user_session_revoked"

    session_id: str
    reason: str


class UserDeleted(DomainEvent):
    """A user is gone; the name stays theirs."""

    type: ClassVar[str] = "user_deleted"


EVENTS: tuple[type[DomainEvent], ...] = (
    UserCreated,
    UserRolesChanged,
    UserDisabled,
    UserEnabled,
    UserPasswordChanged,
    UserSessionRevoked,
    UserDeleted,
)


class UserState(StrEnum):
    """Whether a user may come in."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class User:
    """What the events of one user add up to; `version` counts them, also while they are gone."""

    version: int = 0
    state: UserState = UserState.DELETED
    roles: Roles = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether they were made, and not deleted since."""
        return self.state is not UserState.DELETED

    def administers(self, organisation: str) -> bool:
        """Tell whether they can administer an organisation at this moment."""
        return self.state is UserState.ACTIVE and self.roles.get(organisation) is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Create:
    """Make a user."""

    roles: Roles


@dataclass(frozen=True, slots=True)
class Change:
    """Change what is not None; `roles` replaces all of them."""

    roles: Roles | None = None
    is_disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Give a user another password."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a user."""


Command = Create | Change | ChangePassword | Delete


def decide(user: User, command: Command) -> list[DomainEvent]:
    """Choose the events that a command brings about; none when all is as it asks already.

    Raises:
        ConflictError: there is such a user already.
        NotFoundError: there is no such user.
    """
    match command:
        case Create(roles):
            if user.exists:
                raise ConflictError("there is such a user already")
            return [UserCreated(roles=dict(roles))]
        case _ if not user.exists:
            raise NotFoundError("there is no such user")
        case Change(roles, is_disabled):
            return _change(user, roles, is_disabled=is_disabled)
        case ChangePassword():
            return [UserPasswordChanged()]
        case Delete():
            return [UserDeleted()]


def evolve(user: User, event: DomainEvent) -> User:
    """Give the user after an event."""
    after = replace(user, version=user.version + 1)
    match event:
        case UserCreated(roles=roles):
            return replace(after, state=UserState.ACTIVE, roles=roles)
        case UserRolesChanged(roles=roles):
            return replace(after, roles=roles)
        case UserDisabled():
            return replace(after, state=UserState.DISABLED)
        case UserEnabled():
            return replace(after, state=UserState.ACTIVE)
        case UserDeleted():
            return replace(after, state=UserState.DELETED, roles={})
        case _:
            return after


def _change(user: User, roles: Roles | None, *, is_disabled: bool | None) -> list[DomainEvent]:
    events: list[DomainEvent] = []
    if roles is not None and dict(roles) != dict(user.roles):
        events.append(UserRolesChanged(roles=dict(roles)))
    if is_disabled is not None and is_disabled is not (user.state is UserState.DISABLED):
        events.append(UserDisabled() if is_disabled else UserEnabled())
    return events
