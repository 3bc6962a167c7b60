"""Who may ask what: a route says which permission it wants; one that says none stops the gateway.

A router says it for all its routes, or a route for itself; when both do, both are wanted:

    router = APIRouter(prefix="/v1/sites", dependencies=[requires(Permission.SITES_READ)])

    @router.post("", dependencies=[requires(Permission.SITES_WRITE)])
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Security
from fastapi.params import Security as SecurityParameter
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer, SecurityScopes

from gateway.actor import InPrincipal
from gateway.permissions import Permission
from weir.errors import ForbiddenError

#: Answer without a credential: what watches a process has no secrets, and a login is how one gets
#: them. A refresh shows its own.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/v1/auth/login", "/v1/auth/refresh"})

#: Only says in the API's contract how to show a credential: `Authentication` has read it by then.
_BEARER = HTTPBearer(
    auto_error=False,
    description="An access token of `/v1/auth/login`, or an API token of `/v1/tokens`.",
)


def requires(permission: Permission) -> Any:
    """Give the dependency that lets only those in who have `permission`."""
    return Security(_authorise, scopes=[permission])


def permissions_wanted(route: APIRoute) -> frozenset[Permission]:
    """Tell which permissions a route wants; none: it must be one of `OPEN_PATHS`."""
    return frozenset(
        Permission(scope)
        for dependency in route.dependencies
        if isinstance(dependency, SecurityParameter) and dependency.dependency is _authorise
        for scope in dependency.scopes or ()
    )


def check_declared(router: APIRouter) -> None:
    """Refuse a router of which a route has forgotten to say who may use it.

    Raises:
        TypeError: a route wants no permission, and is not meant to be open.
    """
    for route in router.routes:
        path = getattr(route, "path", "a router inside a router")
        if path not in OPEN_PATHS and not (
            isinstance(route, APIRoute) and permissions_wanted(route)
        ):
            raise TypeError(f"{path} does not say which permission it wants: gateway.access")


async def _authorise(
    wanted: SecurityScopes, principal: InPrincipal, _: Annotated[Any, Depends(_BEARER)]
) -> None:
    missing = sorted(set(wanted.scopes) - principal.permissions)
    if missing:
        raise ForbiddenError(f"{principal.name} may not do this: it needs {', '.join(missing)}")
