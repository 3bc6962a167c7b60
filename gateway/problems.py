"""Every error that the gateway answers is a problem document.

Source: RFC 9457, "Problem Details for HTTP APIs". `code` is stable: clients may decide by it;
`title` and `detail` are for people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from weir.errors import (
    BrokerUnavailableError,
    ConfigError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PreconditionFailedError,
    PreconditionRequiredError,
    RefusedPartsError,
    RejectedByStoreError,
    RequestError,
    StoreUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
)

MEDIA_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"
#: How soon a client may ask again when the database is away.
RETRY_AFTER_S = 2
#: Wrong parameters named in one answer.
_ERRORS_MAX = 20


class Code(StrEnum):
    """What went wrong, for programs."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONTENT_TOO_LARGE = "content_too_large"
    QUERY_TOO_LONG = "query_too_long"
    REQUEST_REFUSED = "request_refused"
    INTERNAL_ERROR = "internal_error"
    CONFLICT = "conflict"
    PRECONDITION_FAILED = "precondition_failed"
    PRECONDITION_REQUIRED = "precondition_required"
    TOO_MANY_REQUESTS = "too_many_requests"
    STORE_UNAVAILABLE = "store_unavailable"
    BROKER_UNAVAILABLE = "broker_unavailable"
    NOT_CONFIGURED = "not_configured"
    NOT_READY = "not_ready"


_STATUS = {
    Code.INVALID_REQUEST: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Code.CONTENT_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.QUERY_TOO_LONG: HTTPStatus.REQUEST_URI_TOO_LONG,
    Code.REQUEST_REFUSED: HTTPStatus.BAD_REQUEST,
    Code.INTERNAL_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.CONFLICT: HTTPStatus.CONFLICT,
    Code.PRECONDITION_FAILED: HTTPStatus.PRECONDITION_FAILED,
    Code.PRECONDITION_REQUIRED: HTTPStatus.PRECONDITION_REQUIRED,
    Code.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    Code.STORE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.BROKER_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.NOT_CONFIGURED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.NOT_READY: HTTPStatus.SERVICE_UNAVAILABLE,
}
_CODES = {status: code for code, status in reversed(_STATUS.items())}


class ParameterError(BaseModel):
    """One wrong parameter of a request."""

    parameter: str = Field(description="where it is: `query.limit`, `path.serial`")
    message: str


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="names the kind of problem: `urn:weir:problem:` and the code")
    title: str
    status: int
    detail: str
    code: Code
    request_id: str
    errors: list[ParameterError] = []


#: How a route's `responses` say that it may answer with a problem.
PROBLEM_RESPONSE: dict[str, Any] = {"model": ProblemDocument, "description": "problem document"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem to answer with; `title`, `type` and status follow from its code."""

    code: Code
    detail: str
    errors: Sequence[ParameterError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request_id: str) -> JSONResponse:
        """Put it into words for the client."""
        status = _STATUS[self.code]
        document = ProblemDocument(
            type=f"urn:weir:problem:{self.code}",
            title=self.code.replace("_", " ").capitalize(),
            status=status,
            detail=self.detail,
            code=self.code,
            request_id=request_id,
            errors=list(self.errors),
        )
        content = document.model_dump(mode="json", exclude_defaults=True)
        return JSONResponse(content, status, self.headers, MEDIA_TYPE)


def unauthorized(detail: str) -> Problem:
    """Say that a credential is wanted. Source: RFC 6750, section 3."""
    return Problem(Code.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


def too_many_requests(error: TooManyRequestsError) -> Problem:
    """Say when to ask again. Source: RFC 6585, section 4."""
    # A header of whole seconds must not say 0, nor too early.
    headers = {"Retry-After": str(max(ceil(error.retry_after_s), 1))}
    return Problem(Code.TOO_MANY_REQUESTS, str(error), headers=headers)


def store_unavailable() -> Problem:
    """Say that the database is away, and no more of it."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    detail = "the database is away for the moment; ask again"
    return Problem(Code.STORE_UNAVAILABLE, detail, headers=headers)


def add_problem_handlers(app: FastAPI) -> None:
    """Make `app` answer what is raised with problem documents.

    What has no place here is a bug: it passes through, to be logged and answered at the edge.
    """
    for kind, handler in (
        (RequestValidationError, _wrong_parameters),
        (HTTPException, _refused_by_framework),
        (RequestError, _invalid),
        (RefusedPartsError, _refused_parts),
        (UnauthorizedError, _unauthorized),
        (ForbiddenError, _forbidden),
        (TooManyRequestsError, _too_many_requests),
        (PreconditionFailedError, _precondition_failed),
        (PreconditionRequiredError, _precondition_required),
        (RejectedByStoreError, _invalid),
        (NotFoundError, _not_found),
        (ConflictError, _conflict),
        (StoreUnavailableError, _store_unavailable),
        (BrokerUnavailableError, _broker_unavailable),
        (ConfigError, _not_configured),
    ):
        app.add_exception_handler(kind, handler)


async def _wrong_parameters(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
    found = [
        ParameterError(
            parameter=".".join(map(str, detail["loc"])),
            message=detail["msg"].removeprefix("Value error, "),
        )
        for detail in error.errors()[:_ERRORS_MAX]
    ]
    summary = "; ".join(f"{each.parameter}: {each.message}" for each in found)
    return _answer(request, Problem(Code.INVALID_REQUEST, summary, found))


async def _refused_by_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    code = _CODES.get(HTTPStatus(error.status_code), Code.REQUEST_REFUSED)
    detail = {
        Code.NOT_FOUND: f"there is nothing at {request.url.path[:200]}",
        Code.METHOD_NOT_ALLOWED: f"{request.url.path[:200]} does not take {request.method[:20]}",
    }.get(code, str(error.detail))
    headers = dict(error.headers or {})
    if code is Code.METHOD_NOT_ALLOWED:
        headers["Allow"] = _methods_at(request) or headers.get("Allow", "")
    return _answer(request, Problem(code, detail, headers=headers))


def _methods_at(request: Request) -> str:
    # The framework names the methods of the first route that it has met at the path: there may be
    # others. Source: RFC 9110, section 10.2.1.
    methods = {
        method
        for route in request.app.state.routes
        if route.path_regex.fullmatch(request.url.path)
        for method in route.methods
    }
    return ", ".join(sorted(methods))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, Problem(Code.INVALID_REQUEST, str(error)))


async def _refused_parts(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedPartsError)  # noqa: S101 - as registered
    parts = [ParameterError(parameter=where, message=why) for where, why in error.parts]
    return _answer(request, Problem(Code.INVALID_REQUEST, str(error), parts))


async def _unauthorized(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, unauthorized(str(error)))


async def _forbidden(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, Problem(Code.FORBIDDEN, str(error)))


async def _too_many_requests(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TooManyRequestsError)  # noqa: S101 - as registered
    return _answer(request, too_many_requests(error))


async def _precondition_failed(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, Problem(Code.PRECONDITION_FAILED, str(error)))


async def _precondition_required(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, Problem(Code.PRECONDITION_REQUIRED, str(error)))


async def _not_found(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, Problem(Code.NOT_FOUND, str(error)))


async def _conflict(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, Problem(Code.CONFLICT, str(error)))


async def _store_unavailable(request: Request, error: Exception) -> JSONResponse:
    # What the database says may name hosts and roles: that is for the log.
    request.state.store_error = str(error)
    return _answer(request, store_unavailable())


async def _broker_unavailable(request: Request, error: Exception) -> JSONResponse:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    # It names hosts and virtual hosts, as the database's words do.
    request.state.broker_error = str(error)
    detail = "the broker does not take it for the moment; ask again"
    return _answer(request, Problem(Code.BROKER_UNAVAILABLE, detail, headers=headers))


async def _not_configured(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, Problem(Code.NOT_CONFIGURED, str(error)))


def _answer(request: Request, problem: Problem) -> JSONResponse:
    return problem.response(request.state.request_id)
