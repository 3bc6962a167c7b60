"""Asks the gateway. The only module that knows the HTTP library."""

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import httpx

from cli._contexts import contexts_file
from cli._gateway_address import GatewayAddress, find_gateway
from cli._login_auth import LoginAuth
from weir import __version__
from weir.errors import (
    ConfigError,
    ConflictError,
    ForbiddenError,
    GatewayUnavailableError,
    NotFoundError,
    RequestError,
    UnauthorizedError,
    WeirError,
)

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
#: Entries asked for at once when all pages are wanted.
PAGE_SIZE = 500

Parameter = str | int | bool | None
Parameters = Mapping[str, Parameter | list[str]]
Answer = dict[str, Any]
Body = Mapping[str, Any]

#: Here 401 says that the password is wrong, and not that one should log in.
_LOGIN_PATH = "/v1/auth/login"


class Gateway:
    """A connection to one gateway."""

    def __init__(self, client: httpx.Client, advice: str) -> None:
        self._client = client
        self._advice = advice

    def get(self, path: str, parameters: Parameters | None = None) -> Answer:
        """Ask for a resource; parameters that are None are left out.

        Raises:
            GatewayUnavailableError: it cannot be reached, or its database is away.
            NotFoundError: there is no such thing.
            RequestError: it refuses.
        """
        return self._ask("GET", path, parameters)

    def post(
        self, path: str, parameters: Parameters | None = None, *, body: Body | None = None
    ) -> Answer:
        """Ask for something to be done; parameters that are None are left out.

        Raises:
            GatewayUnavailableError: it cannot be reached, or what it depends on is away; it may
                have been done all the same.
            NotFoundError: there is no such thing.
            ConflictError: the thing is in a state that does not allow it.
            RequestError: it refuses.
        """
        return self._ask("POST", path, parameters, body=body)

    def post_lines(self, path: str, parameters: Parameters, lines: bytes) -> Answer:
        """Send lines of JSON, to be taken one by one; parameters that are None are left out.

        Raises:
            WeirError: as `post` does.
        """
        headers = {"Content-Type": "application/x-ndjson"}
        return self._ask("POST", path, parameters, headers=headers, content=lines)

    def patch(self, path: str, body: Body, *, version: int | None = None) -> Answer:
        """Change a thing; `version`: the one that was read, None: whichever there is.

        Raises:
            ConflictError: somebody has changed it meanwhile, or its state does not allow it.
            WeirError: as `post` does.
        """
        if_match = "*" if version is None else f'"{version}"'
        return self._ask("PATCH", path, body=body, headers={"If-Match": if_match})

    def put(self, path: str, body: Body, *, version: int) -> Answer:
        """Replace a thing; `version`: the one that was read.

        Raises:
            ConflictError: somebody has changed it meanwhile, or its state does not allow it.
            WeirError: as `post` does.
        """
        return self._ask("PUT", path, body=body, headers={"If-Match": f'"{version}"'})

    def delete(self, path: str) -> None:
        """Delete a thing.

        Raises:
            WeirError: as `post` does.
        """
        self._ask("DELETE", path)

    def get_all(
        self, path: str, parameters: Parameters, *, key: str, limit: int | None
    ) -> Iterator[Answer]:
        """Give the entries of a list, page by page as they are wanted; at most `limit`.

        Raises:
            WeirError: as `get` does.
        """
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            size = PAGE_SIZE if left is None else min(PAGE_SIZE, left)
            page = self.get(path, {**parameters, "limit": size, "cursor": cursor})
            yield from page[key]
            cursor = page["next_cursor"]
            if cursor is None:
                return
            left = None if left is None else left - len(page[key])

    @contextmanager
    def download(self, path: str, parameters: Parameters) -> Iterator[Iterator[bytes]]:
        """Ask for an answer of any length and give it piece by piece, as it comes.

        Raises:
            GatewayUnavailableError: it was cut off, and is not whole.
            WeirError: as `get` does.
        """
        wanted = {name: value for name, value in parameters.items() if value is not None}
        try:
            with self._client.stream("GET", path, params=httpx.QueryParams(wanted)) as response:
                if not response.is_success:
                    response.read()
                    if response.status_code == httpx.codes.UNAUTHORIZED:
                        raise UnauthorizedError(self._advice)
                    _answer_of(response)
                yield response.iter_bytes()
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise GatewayUnavailableError(
                f"the answer of the gateway {self._client.base_url} is not whole: {reason}"
            ) from error

    def _ask(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        *,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        wanted = {name: value for name, value in (parameters or {}).items() if value is not None}
        try:
            response = self._client.request(
                method,
                path,
                params=httpx.QueryParams(wanted),
                json=body,
                headers=headers,
                content=content,
            )
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise GatewayUnavailableError(
                f"no answer from the gateway {self._client.base_url}: {reason}"
            ) from error
        if response.status_code == httpx.codes.UNAUTHORIZED and response.url.path != _LOGIN_PATH:
            raise UnauthorizedError(self._advice)
        return _answer_of(response)


@contextmanager
def open_gateway(
    address: GatewayAddress | None = None, *, patience_s: float | None = None
) -> Iterator[Gateway]:
    """Give the gateway that this process should ask, or the one at an address.

    `patience_s`: for how long an answer is waited for; None: long.

    Raises:
        ConfigError: none is known, or its address is no URL.
        NotFoundError: no context has the name that was given.
    """
    address = address or find_gateway(os.environ)
    try:
        client = _client(address, httpx.Timeout(patience_s) if patience_s else TIMEOUT)
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigError(f"the address of the gateway is wrong: {error}") from error
    with client:
        yield Gateway(client, address.advice)


def _client(address: GatewayAddress, timeout: httpx.Timeout) -> httpx.Client:
    url = httpx.URL(address.url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{address.url[:200]!r} is not an http address")
    return httpx.Client(
        base_url=url,
        headers={"User-Agent": f"iotctl/{__version__}"},
        auth=_auth(address, url),
        timeout=timeout,
        # A proxy from the environment cannot reach this machine's own loopback.
        trust_env=not is_loopback(url.host),
    )


def _auth(address: GatewayAddress, url: httpx.URL) -> httpx.Auth:
    if address.context and not address.token:
        return LoginAuth(contexts_file(os.environ), address.context, url)
    return _TokenAuth(address.token)


class _TokenAuth(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answer_of(response: httpx.Response) -> Answer:
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise RequestError(
            f"{response.url} answers {response.status_code}, but is not a Weir gateway"
        )
    if response.is_success:
        return answer
    raise _error_of(response, answer)


#: What a status means; whatever is not here is a refusal.
_ERRORS: Mapping[int, type[WeirError]] = {
    httpx.codes.UNAUTHORIZED: UnauthorizedError,
    httpx.codes.FORBIDDEN: ForbiddenError,
    httpx.codes.NOT_FOUND: NotFoundError,
    httpx.codes.CONFLICT: ConflictError,
    httpx.codes.PRECONDITION_FAILED: ConflictError,
    httpx.codes.SERVICE_UNAVAILABLE: GatewayUnavailableError,
}


def _error_of(response: httpx.Response, answer: Answer) -> WeirError:
    detail = str(answer.get("detail", response.reason_phrase))
    status = response.status_code
    if status in _ERRORS:
        return _ERRORS[status](detail)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RequestError(f"{detail} ({response.headers.get('Retry-After', 'some')} s)")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return RequestError(f"{detail} (request {answer.get('request_id')})")
    return RequestError(detail)
