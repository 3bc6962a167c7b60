"""What every route owes: it says who may use it, and nobody else can."""

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from gateway.access import OPEN_PATHS, check_declared, permissions_wanted, requires
from gateway.app import all_routers
from gateway.idempotency import IdempotentRoute
from gateway.permissions import ROLE_PERMISSIONS, Permission, permissions_of_token
from weir.model.account import Role

ROUTES = [
    route for router in all_routers() for route in router.routes if isinstance(route, APIRoute)
]


def spelled(route: APIRoute) -> str:
    return f"{'|'.join(sorted(route.methods or ()))} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=spelled)
def test_a_route_wants_a_permission_or_is_meant_to_be_open(route: APIRoute) -> None:
    assert bool(permissions_wanted(route)) == (route.path not in OPEN_PATHS)


@pytest.mark.parametrize("route", ROUTES, ids=spelled)
def test_a_route_that_changes_something_wants_more_than_looking(route: APIRoute) -> None:
    wanted = permissions_wanted(route)
    if (route.methods or set()) - {"GET", "HEAD"} and wanted:
        assert any(not permission.endswith(":read") for permission in wanted)


@pytest.mark.parametrize("route", ROUTES, ids=spelled)
def test_a_post_that_acts_can_be_repeated_with_a_key(route: APIRoute) -> None:
    # The answers of accounts have secrets in them, which must not be kept.
    if "POST" in (route.methods or ()) and "accounts" not in route.tags:
        assert isinstance(route, IdempotentRoute)


def test_a_router_that_forgets_is_refused() -> None:
    router = APIRouter(prefix="/v1/secrets")

    @router.get("")
    async def get_secrets() -> None: ...

    with pytest.raises(TypeError, match="/v1/secrets"):
        check_declared(router)


def test_a_router_inside_a_router_is_refused() -> None:
    outer = APIRouter(dependencies=[requires(Permission.STATUS_READ)])
    outer.include_router(APIRouter(prefix="/v1/secrets"))

    with pytest.raises(TypeError, match="router"):
        check_declared(outer)


def test_a_router_and_its_route_may_both_want_something() -> None:
    router = APIRouter(prefix="/v1/sites", dependencies=[requires(Permission.SITES_READ)])

    @router.post("", dependencies=[requires(Permission.SITES_WRITE)])
    async def post_site() -> None: ...

    (route,) = router.routes
    assert isinstance(route, APIRoute)
    assert {Permission.SITES_READ, Permission.SITES_WRITE} == permissions_wanted(route)


def test_each_role_may_do_what_the_one_before_may() -> None:
    viewer, operator, admin = (ROLE_PERMISSIONS[role] for role in Role)

    assert viewer < operator < admin
    assert set(Permission) == admin


def test_no_permission_is_unknown_to_a_token_of_an_admin() -> None:
    assert set(Permission) == permissions_of_token(Role.ADMIN, Role.ADMIN, None)
