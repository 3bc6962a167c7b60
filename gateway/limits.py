"""The bounds of a request as a whole; those of its parameters are in `gateway.parameters`."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import Code, Problem

BODY_BYTES_MAX = 1024 * 1024
#: The longest honest query continues the live view of very many fields that it names.
QUERY_BYTES_MAX = 32 * 1024


class _BodyTooLongError(Exception):
    """Raised inside `receive`, and caught where the request came in."""


class Bounds:
    """ASGI middleware that refuses longer queries and bodies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 413 or 414."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["state"]["request_id"]
        if len(scope["query_string"]) > QUERY_BYTES_MAX:
            detail = f"the query is longer than {QUERY_BYTES_MAX} bytes"
            await Problem(Code.QUERY_TOO_LONG, detail).response(request_id)(scope, receive, send)
            return
        try:
            _check_announced(Headers(scope=scope).get("content-length", ""))
            await self._app(scope, _counting(receive), send)
        except _BodyTooLongError:
            detail = f"the body is longer than {BODY_BYTES_MAX} bytes"
            await Problem(Code.CONTENT_TOO_LARGE, detail).response(request_id)(scope, receive, send)


def _check_announced(content_length: str) -> None:
    if content_length.isdecimal() and int(content_length) > BODY_BYTES_MAX:
        raise _BodyTooLongError


def _counting(receive: Receive) -> Receive:
    received_bytes = 0

    async def receive_and_count() -> Message:
        nonlocal received_bytes
        message = await receive()
        received_bytes += len(message.get("body", b""))
        if received_bytes > BODY_BYTES_MAX:
            raise _BodyTooLongError
        return message

    return receive_and_count
