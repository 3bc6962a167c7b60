"""Asks the gateway. The only module that knows the HTTP library."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import httpx

from cli._gateway_address import GatewayAddress, find_gateway
from weir import __version__
from weir.errors import (
    ConfigError,
    ConflictError,
    GatewayUnavailableError,
    NotFoundError,
    RequestError,
)

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
#: Entries asked for at once when all pages are wanted.
PAGE_SIZE = 500

Parameter = str | int | bool | None
Parameters = Mapping[str, Parameter | list[str]]
Answer = dict[str, Any]


class Gateway:
    """A connection to one gateway."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, parameters: Parameters | None = None) -> Answer:
        """Ask for a resource; parameters that are None are left out.

        Raises:
            GatewayUnavailableError: it cannot be reached, or its database is away.
            NotFoundError: there is no such thing.
            RequestError: it refuses.
        """
        return self._ask("GET", path, parameters)

    def post(self, path: str, parameters: Parameters | None = None) -> Answer:
        """Ask for something to be done; parameters that are None are left out.

        Raises:
            GatewayUnavailableError: it cannot be reached, or what it depends on is away; it may
                have been done all the same.
            NotFoundError: there is no such thing.
            ConflictError: the thing is in a state that does not allow it.
            RequestError: it refuses.
        """
        return self._ask("POST", path, parameters)

    def post_lines(self, path: str, parameters: Parameters, lines: bytes) -> Answer:
        """Send lines of JSON, to be taken one by one; parameters that are None are left out.

        Raises:
            WeirError: as `post` does.
        """
        headers = {"Content-Type": "application/x-ndjson"}
        return self._ask("POST", path, parameters, headers=headers, content=lines)

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

    def _ask(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        wanted = {name: value for name, value in (parameters or {}).items() if value is not None}
        try:
            response = self._client.request(
                method, path, params=httpx.QueryParams(wanted), headers=headers, content=content
            )
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise GatewayUnavailableError(
                f"no answer from the gateway {self._client.base_url}: {reason}"
            ) from error
        return _answer_of(response)


@contextmanager
def open_gateway() -> Iterator[Gateway]:
    """Give the gateway that this process should ask.

    Raises:
        ConfigError: none is known, or its address is no URL.
    """
    address = find_gateway(os.environ)
    try:
        client = _client(address)
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigError(f"WEIR_GATEWAY_URL is wrong: {error}") from error
    with client:
        yield Gateway(client)


def _client(address: GatewayAddress) -> httpx.Client:
    url = httpx.URL(address.url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{address.url[:200]!r} is not an http address")
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {address.token}", "User-Agent": f"iotctl/{__version__}"},
        timeout=TIMEOUT,
        # A proxy from the environment cannot reach this machine's own loopback.
        trust_env=not _is_loopback(url.host),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answer_of(response: httpx.Response) -> Answer:
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
    detail = str(answer.get("detail", response.reason_phrase))
    match response.status_code:
        case httpx.codes.UNAUTHORIZED:
            raise RequestError("the gateway refused the token: set WEIR_GATEWAY_TOKEN")
        case httpx.codes.NOT_FOUND:
            raise NotFoundError(detail)
        case httpx.codes.CONFLICT:
            raise ConflictError(detail)
        case httpx.codes.SERVICE_UNAVAILABLE:
            raise GatewayUnavailableError(detail)
        case status if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise RequestError(f"{detail} (request {answer.get('request_id')})")
    raise RequestError(detail)
