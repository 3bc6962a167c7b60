"""Which role may do what, and that a token never gets more than its owner."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.permissions import (
    ROLE_PERMISSIONS,
    Permission,
    permissions_of_token,
    permissions_of_user,
)
from weir.model.account import Role

roles = st.sampled_from(Role)
narrowings = st.none() | st.lists(st.sampled_from(Permission) | st.text(max_size=5))


@given(st.none() | roles, roles, narrowings)
def test_a_token_never_gets_more_than_its_owner(
    owner_role: Role | None, ceiling: Role, only: list[str] | None
) -> None:
    allowed = permissions_of_token(owner_role, ceiling, only)

    assert allowed <= permissions_of_user(owner_role)
    assert allowed <= ROLE_PERMISSIONS[ceiling]
    assert only is None or allowed <= set(only)


@given(roles)
def test_a_token_of_the_same_role_gets_all_of_it(role: Role) -> None:
    assert permissions_of_user(role) == permissions_of_token(role, role, None)


def test_without_a_role_nothing_is_permitted() -> None:
    assert permissions_of_user(None) == frozenset()


def test_a_permission_is_spelled_as_it_is_named() -> None:
    for permission in Permission:
        assert permission.name.lower() == permission.replace(":", "_")
