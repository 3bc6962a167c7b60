"""The life of a user, decided and evolved without any database."""

import pytest

from weir.errors import ConflictError, NotFoundError
from weir.events.event import DomainEvent
from weir.events.user import (
    Change,
    ChangePassword,
    Command,
    Create,
    Delete,
    User,
    UserCreated,
    UserDeleted,
    UserDisabled,
    UserEnabled,
    UserPasswordChanged,
    UserRolesChanged,
    UserState,
    decide,
    evolve,
)
from weir.model.account import Role

VIEWER = {"default": Role.VIEWER}
ADMIN = {"default": Role.ADMIN}
ANNA = User(1, UserState.ACTIVE, VIEWER)
DISABLED = User(2, UserState.DISABLED, VIEWER)
GONE = User(3)


@pytest.mark.parametrize(
    ("user", "command", "events"),
    [
        (User(), Create(VIEWER), [UserCreated(roles=VIEWER)]),
        (GONE, Create(VIEWER), [UserCreated(roles=VIEWER)]),
        (ANNA, Change(), []),
        (ANNA, Change(VIEWER, is_disabled=False), []),
        (ANNA, Change(ADMIN), [UserRolesChanged(roles=ADMIN)]),
        (ANNA, Change(ADMIN, is_disabled=True), [UserRolesChanged(roles=ADMIN), UserDisabled()]),
        (DISABLED, Change(is_disabled=True), []),
        (DISABLED, Change(is_disabled=False), [UserEnabled()]),
        (ANNA, ChangePassword(), [UserPasswordChanged()]),
        (DISABLED, Delete(), [UserDeleted()]),
    ],
)
def test_a_command_brings_about_what_is_not_so_yet(
    user: User, command: Command, events: list[DomainEvent]
) -> None:
    assert events == decide(user, command)


@pytest.mark.parametrize("command", [Change(), ChangePassword(), Delete()])
@pytest.mark.parametrize("user", [User(), GONE])
def test_nothing_can_be_done_to_nobody(user: User, command: Command) -> None:
    with pytest.raises(NotFoundError):
        decide(user, command)


def test_a_user_is_made_once() -> None:
    with pytest.raises(ConflictError):
        decide(ANNA, Create(VIEWER))


def test_events_add_up_to_the_user() -> None:
    user = User()
    for event in (
        UserCreated(roles=VIEWER),
        UserRolesChanged(roles=ADMIN),
        UserDisabled(),
        UserPasswordChanged(),
    ):
        user = evolve(user, event)

    assert User(4, UserState.DISABLED, ADMIN) == user
    assert User(5, UserState.ACTIVE, ADMIN) == evolve(user, UserEnabled())
    assert User(5) == evolve(user, UserDeleted())


def test_only_an_active_admin_administers() -> None:
    assert User(1, UserState.ACTIVE, ADMIN).administers("default")
    assert not User(1, UserState.ACTIVE, ADMIN).administers("harbour")
    assert not User(1, UserState.DISABLED, ADMIN).administers("default")
    assert not ANNA.administers("default")
