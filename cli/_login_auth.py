"""Shows a login to the gateway, and keeps it fresh: the person notices nothing of it."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import httpx

from cli._contexts import Login, changing_contexts, read_contexts
from weir.clock import SystemClock

REFRESH_PATH = "/v1/auth/refresh"


class LoginAuth(httpx.Auth):
    """The login of a context; without one, the request is refused by the gateway."""

    requires_response_body = True

    def __init__(self, path: Path, context: str, base_url: httpx.URL) -> None:
        self._path = path
        self._context = context
        self._refresh_url = base_url.join(REFRESH_PATH)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request, before it or after it the next token is asked for when it is time."""
        login = read_contexts(self._path).find(self._context).login
        if login and login.ends_soon(SystemClock().now()):
            login = yield from self._refresh(login)
        response = yield _shown(request, login)
        if login and response.status_code == httpx.codes.UNAUTHORIZED:
            # The clocks differ, or the gateway has another key.
            fresh = yield from self._refresh(login)
            if fresh:
                yield _shown(request, fresh)

    def _refresh(self, known: Login) -> Generator[httpx.Request, httpx.Response, Login | None]:
        with changing_contexts(self._path) as contexts:
            login = contexts.find(self._context).login
            if login is None or login != known:
                # Another command was faster.
                return login
            response = yield httpx.Request(
                "POST", self._refresh_url, json={"refresh_token": login.refresh_token}
            )
            if response.is_success:
                login = refreshed(login, response.json())
            elif response.status_code == httpx.codes.UNAUTHORIZED:
                login = None
            contexts.log_in(self._context, login)
        return login


def refreshed(login: Login, answer: dict[str, str]) -> Login:
    """Give the login with the tokens of an answer."""
    return replace(
        login,
        access_token=answer["access_token"],
        access_ends_at=answer["expires_at"],
        refresh_token=answer["refresh_token"],
    )


def _shown(request: httpx.Request, login: Login | None) -> httpx.Request:
    if login:
        request.headers["Authorization"] = f"Bearer {login.access_token}"
    return request
