"""RabbitMQ's management API: the few calls that Weir needs, with its errors as ours.

Source: RabbitMQ, "Management HTTP API Reference", the same from 3.10.8 to 4.3.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from weir.errors import BrokerUnavailableError, ConfigError, NotFoundError, RequestError
from weir.hosts import each_host, first_reached

REQUEST_TIMEOUT_S = 15.0
#: Of a refusal, for people; it may be an HTML page.
REASON_LENGTH_MAX = 300

_DENIED = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


class Management:
    """The API of a node, or of the first that answers; made by `open_management`.

    `nodes`: their addresses, each with a scheme. What is asked may be asked of two: it is the same.
    """

    def __init__(self, client: httpx.AsyncClient, nodes: Sequence[str]) -> None:
        self._client = client
        self._nodes = nodes

    async def put_user(self, name: str, password: str) -> None:
        """Create a user without any right, or give it a new password."""
        await self.put(f"users/{_name(name)}", {"password": password, "tags": ""})

    async def delete_user(self, name: str) -> None:
        """Delete a user; its connections are closed.

        Raises:
            NotFoundError: there is none.
        """
        await self._call("DELETE", f"users/{_name(name)}")

    async def get(self, path: str) -> list[dict[str, Any]]:
        """List what is at `path`, below `/api/`."""
        items: list[dict[str, Any]] = (await self._call("GET", path)).json()
        return items

    async def list(self, kind: str, vhost: str) -> list[dict[str, Any]]:
        """List the `exchanges`, `queues`, `bindings` or `consumers` of a virtual host.

        Raises:
            NotFoundError: there is no such virtual host.
        """
        items: list[dict[str, Any]] = (await self._call("GET", f"{kind}/{_name(vhost)}")).json()
        return items

    async def date(self) -> str:
        """Give the header `Date` of an answer: the time at the broker (RFC 9110, 6.6.1)."""
        return (await self._call("GET", "whoami")).headers["Date"]

    async def definitions(self) -> dict[str, Any]:
        """Give everything that the broker keeps of users, rights, queues and bindings."""
        definitions: dict[str, Any] = (await self._call("GET", "definitions")).json()
        return definitions

    async def put_definitions(self, definitions: dict[str, Any]) -> None:
        """Add definitions to those that are there.

        Raises:
            RequestError: the broker refuses one; those before it are there.
        """
        await self._call("POST", "definitions", definitions)

    async def put(self, path: str, body: Mapping[str, Any]) -> None:
        """Create or replace what `path` names, below `/api/`.

        Raises:
            RequestError: the broker refuses; the message is its reason.
        """
        await self._call("PUT", path, body)

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        return await first_reached(self._nodes, partial(self._ask, method, path, body))

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None, node: str
    ) -> httpx.Response:
        try:
            answer = await self._client.request(method, f"{node}/api/{path}", json=body)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise BrokerUnavailableError(f"RabbitMQ's management API: {reason}") from error
        if answer.is_success:
            return answer
        raise _refusal(answer)


@asynccontextmanager
async def open_management(url: str) -> AsyncIterator[Management]:
    """Call the API until the block ends.

    `url`: http://user:password@host:port, or several hosts, which are tried in turn; a path, which
    names a virtual host, is ignored. Every method raises `BrokerUnavailableError` (try again later)
    and `ConfigError` (the user may not).
    """
    parts = urlsplit(url)
    nodes = [f"{parts.scheme}://{_host(each)}" for each in each_host(url)]
    async with httpx.AsyncClient(
        auth=(unquote(parts.username or ""), unquote(parts.password or "")),
        timeout=REQUEST_TIMEOUT_S,
    ) as client:
        yield Management(client, nodes)


def vhost_of(url: str) -> str:
    """Read the virtual host out of an address: its path, or `/` without one."""
    return unquote(urlsplit(url).path.removeprefix("/")) or "/"


def permission_path(kind: str, vhost: str, user: str) -> str:
    """Spell where `permissions` or `topic-permissions` of a user are."""
    return f"{kind}/{_name(vhost)}/{_name(user)}"


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _name(name: str) -> str:
    return quote(name, safe="")


def _refusal(answer: httpx.Response) -> Exception:
    reason = _reason(answer)
    if answer.status_code in _DENIED:
        return ConfigError(f"the user of WEIR_MANAGEMENT_URL may not do this: {reason}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return NotFoundError(f"RabbitMQ has no {answer.request.url.path}")
    if answer.is_server_error:
        return BrokerUnavailableError(f"RabbitMQ's management API: {reason}")
    return RequestError(f"RabbitMQ refuses {answer.request.url.path}: {reason}")


def _reason(answer: httpx.Response) -> str:
    try:
        content = answer.json()
        reason = str(content.get("reason") or content.get("error"))
    except (ValueError, AttributeError):
        reason = answer.text or answer.reason_phrase
    return reason[:REASON_LENGTH_MAX]
