"""Who may ask: whoever shows the installation's bearer token. Source: RFC 6750, section 2.1."""

from hmac import compare_digest

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.problems import Code, Problem

#: Answer without a token: what watches a process has no secrets.
OPEN_PATHS = frozenset({"/healthz", "/readyz"})
_SCHEME = "bearer"


class TokenGuard:
    """ASGI middleware that lets a request pass when it shows the token, or its path is open."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 401."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._may_pass(scope):
            await self._app(scope, receive, send)
            return
        detail = "show the gateway's token: `Authorization: Bearer <token>`"
        problem = Problem(Code.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})
        await problem.response(scope["state"]["request_id"])(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        shown = Headers(scope=scope).getlist("authorization")
        if len(shown) != 1:
            return False
        scheme, _, token = shown[0].partition(" ")
        # The time that a comparison takes must not tell how much of a guess is right.
        return scheme.lower() == _SCHEME and compare_digest(token.strip().encode(), self._token)
