"""Where requests come in and answers go out: request ids, one log line each, metrics, crashes."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.access import OPEN_PATHS
from gateway.problems import REQUEST_ID_HEADER, Code, Problem
from weir.metrics import REQUESTS
from weir.tracing import TRACEPARENT, TraceContext, parse_traceparent, span, trace_of

log = structlog.get_logger()

#: Of a client's own request id; anything else is replaced by ours.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REQUEST_ID_BYTES = 8
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """The outermost ASGI middleware of the gateway."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and see its answer out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        parent = parse_traceparent(headers.get(TRACEPARENT))
        answer = _Answer(_request_id(headers, parent), send)
        scope.setdefault("state", {})["request_id"] = answer.request_id
        started_s = time.perf_counter()
        with (
            structlog.contextvars.bound_contextvars(request_id=answer.request_id),
            span("request", parent or trace_of(answer.request_id), {"method": _method(scope)}),
        ):
            try:
                await self._app(scope, receive, answer.send)
            except Exception:
                log.exception("request_crashed", method=scope["method"], path=scope["path"][:200])
                if answer.status is None:
                    problem = Problem(Code.INTERNAL_ERROR, "the gateway has failed; it is logged")
                    await problem.response(answer.request_id)(scope, receive, answer.send)
            finally:
                _note(scope, answer.status, time.perf_counter() - started_s)


class _Answer:
    """What is sent: marked with the request's id, its status remembered."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.status: int | None = None
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID_HEADER] = self.request_id
        await self._send(message)


def _request_id(headers: Headers, parent: TraceContext | None) -> str:
    """Take the client's id; else that of its trace, which then goes on in all that follows."""
    given = headers.get(REQUEST_ID_HEADER, "")
    if _REQUEST_ID.fullmatch(given):
        return given
    return parent.trace_id if parent else secrets.token_hex(_REQUEST_ID_BYTES)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"


def _note(scope: Scope, status: int | None, duration_s: float) -> None:
    # Labels must be few: the route's pattern, never the path that was asked for.
    route = getattr(scope.get("route"), "path", "none")
    method = _method(scope)
    REQUESTS.labels(route=route, method=method, status=str(status or "none")).inc()
    write = log.debug if scope["path"] in OPEN_PATHS else log.info
    write(
        "request_answered",
        method=method,
        route=route,
        status=status,
        duration_ms=round(duration_s * 1e3, 3),
        **_outage(scope),
    )


def _outage(scope: Scope) -> dict[str, str]:
    error = scope["state"].get("store_error") or scope["state"].get("broker_error")
    return {"error": error} if error else {}
