"""Finds out who asks, before anything else about a request is looked at.

Source: RFC 6750, "Bearer Token Usage", section 2.1.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access import OPEN_PATHS
from gateway.actor import Principal
from gateway.addresses import address_of
from gateway.problems import Problem, store_unavailable, too_many_requests, unauthorized
from gateway.rate_limits import Buckets
from weir.errors import StoreUnavailableError, TooManyRequestsError, UnauthorizedError

_SCHEME = "bearer"
_ADVICE = "show a credential: `Authorization: Bearer <token>`"

#: Tells whose credential this is; raises `UnauthorizedError`, or that the database is away.
Identify = Callable[[str], Awaitable[Principal]]


class Authentication:
    """ASGI middleware that lets a request pass when its credential holds, or its path is open.

    Whoever asks too often is refused: by credential, and without one by address.
    """

    def __init__(self, app: ASGIApp, identify: Identify, requests: Buckets) -> None:
        self._app = app
        self._identify = identify
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with who it is from, or answer it with 401 or 429."""
        if scope["type"] == "http":
            problem = await self._refusal(scope)
            if problem:
                await problem.response(scope["state"]["request_id"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Problem | None:
        try:
            await self._admit(scope)
        except UnauthorizedError as error:
            return unauthorized(str(error))
        except TooManyRequestsError as error:
            return too_many_requests(error)
        except StoreUnavailableError as error:
            scope["state"]["store_error"] = str(error)
            return store_unavailable()
        return None

    async def _admit(self, scope: Scope) -> None:
        if scope["path"] in OPEN_PATHS:
            self._count(address_of(scope))
            return
        try:
            principal = await self._identify(_bearer(scope))
        except UnauthorizedError:
            self._count(address_of(scope))
            raise
        self._count(principal.name)
        request_id = scope["state"]["request_id"]
        scope["state"]["principal"] = replace(principal, request_id=request_id)

    def _count(self, key: str) -> None:
        self._requests.take(key, monotonic(), "requests")


def _bearer(scope: Scope) -> str:
    shown = Headers(scope=scope).getlist("authorization")
    if len(shown) != 1:
        raise UnauthorizedError(_ADVICE)
    scheme, _, credential = shown[0].partition(" ")
    if scheme.lower() != _SCHEME or not credential.strip():
        raise UnauthorizedError(_ADVICE)
    return credential.strip()
