"""Posts that act may carry an `Idempotency-Key`: asked twice with one key, they are done once.

A router has it for all its posts with `APIRouter(route_class=IdempotentRoute)`. The first answer is
kept for a day and given again, marked with `Idempotency-Replayed`; an error is not kept, because
what fails does nothing. Answers with secrets must not be kept, so the routers of accounts have none
of this. Source: IETF draft-ietf-httpapi-idempotency-key-header-07.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any

import structlog
from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from gateway.problems import PROBLEM_RESPONSE
from weir.errors import StoreUnavailableError, WeirError
from weir.postgres.idempotent_requests import KeptAnswer, KeyedRequest, abandon, begin, finish

log = structlog.get_logger()

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_METHOD = "POST"
_KEY = re.compile(r"[!-~]{1,255}")

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def _declare(
    _: Annotated[
        str | None,
        Header(
            alias=HEADER,
            pattern=f"^{_KEY.pattern}$",
            description="the same for each attempt at one thing; done once, answered for 24 hours",
            examples=["7d6f2c0e-3a53-4a0e-9a3c-0c2f6a2d7b51"],
        ),
    ] = None,
) -> None:
    """Only says in the API's contract that there is such a header, and checks its shape."""


class IdempotentRoute(APIRoute):
    """A route whose posts can be repeated safely."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if _METHOD in (options.get("methods") or ()):
            options["dependencies"] = [*(options.get("dependencies") or ()), Depends(_declare)]
            options["responses"] = {409: PROBLEM_RESPONSE, **(options.get("responses") or {})}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handle:
        """Give the handler, which looks for the key before it does anything."""
        handle = super().get_route_handler()
        if _METHOD not in (self.methods or ()):
            return handle

        async def handle_once(request: Request) -> Response:
            keyed = await _keyed(request)
            if keyed is None:
                return await handle(request)
            return await _once(request, keyed, handle)

        return handle_once


async def _once(request: Request, keyed: KeyedRequest, handle: Handle) -> Response:
    context = request.app.state.context
    kept = await begin(context.pool, keyed, context.now())
    if kept is not None:
        return _replay(kept)
    try:
        response = await handle(request)
    except (WeirError, HTTPException, RequestValidationError):
        # What was refused has done nothing. After anything else, a bug or a client that hung up,
        # nobody knows: then the key stays taken for a while.
        with suppress(StoreUnavailableError):
            await abandon(context.pool, keyed)
        raise
    await _keep(request, keyed, response)
    return response


async def _keep(request: Request, keyed: KeyedRequest, response: Response) -> None:
    answer = KeptAnswer(
        response.status_code, response.headers.get("content-type", ""), bytes(response.body)
    )
    try:
        await finish(request.app.state.context.pool, keyed, answer)
    except StoreUnavailableError as error:
        # It is done, and must be told so.
        log.warning("answer_not_kept", error=str(error))


async def _keyed(request: Request) -> KeyedRequest | None:
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        # None was given, or one that the handler refuses.
        return None
    digest = hashlib.sha256()
    for part in (request.url.path, request.url.query):
        digest.update(part.encode() + b"\0")
    digest.update(await request.body())
    return KeyedRequest(request.state.principal.name, key, digest.digest())


def _replay(kept: KeptAnswer) -> Response:
    headers = {REPLAYED_HEADER: "true"}
    if kept.content_type:
        headers["Content-Type"] = kept.content_type
    return Response(kept.body, kept.status, headers)
