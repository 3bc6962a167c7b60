"""Puts the gateway together: routers found by looking, and what surrounds every request."""

import importlib
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI

from gateway import routers
from gateway.access import check_declared
from gateway.accounts import Accounts
from gateway.authentication import Authentication
from gateway.context import Context
from gateway.credentials import identify
from gateway.edge import Edge
from gateway.limits import Bounds
from gateway.problems import MEDIA_TYPE, PROBLEM_RESPONSE, add_problem_handlers
from gateway.rate_limits import Buckets
from weir import __version__, registry
from weir.postgres.journal_bell import JournalBell

#: What every route may answer; `responses` of a route names the others.
_PROBLEMS = ("400", "401", "403", "404", "413", "414", "422", "429", "503")


def create_app(context: Context) -> FastAPI:
    """Make the ASGI application; it connects to nothing until it is asked.

    Raises:
        TypeError: a route does not say who may use it.
    """
    app = _Gateway(
        title="Weir gateway",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        # A route of our own gives it, to those who may see it.
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
        responses=dict.fromkeys(_PROBLEMS, PROBLEM_RESPONSE),
    )
    app.state.context = context
    app.state.accounts = accounts = Accounts(context)
    app.state.bell = JournalBell(context.pool)
    app.state.routes = []
    for router in all_routers():
        check_declared(router)
        app.include_router(router)
        app.state.routes += router.routes
    add_problem_handlers(app)
    # The last one added is the first that a request meets.
    app.add_middleware(Bounds)
    app.add_middleware(
        Authentication,
        identify=partial(identify, context, accounts),
        requests=Buckets(context.request_rate),
    )
    app.add_middleware(Edge)
    return app


def all_routers() -> list[APIRouter]:
    """Find the routers, one for each resource."""
    return [
        importlib.import_module(f"{routers.__name__}.{name}").router
        for name in sorted(registry.names(routers.__name__))
    ]


class _Gateway(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Give the contract; FastAPI takes problem documents for plain JSON."""
        contract = super().openapi()
        for operations in contract["paths"].values():
            for operation in operations.values():
                for answer in operation["responses"].values():
                    if answer["description"] == PROBLEM_RESPONSE["description"]:
                        answer["content"] = {MEDIA_TYPE: _only(answer["content"])}
        return contract


def _only(content: dict[str, Any]) -> Any:
    (schema,) = content.values()
    return schema
