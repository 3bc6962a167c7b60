"""Whether the gateway lives, and whether it can do its work. Open: no token, no secrets."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.context import InContext
from gateway.problems import RETRY_AFTER_S, Code, Problem
from weir.errors import MigrationError, StoreUnavailableError
from weir.postgres.queries.status import missing_migrations

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The answer of a process that is well."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> Health:
    """Tell that the process answers, whatever it depends on."""
    return Health()


@router.get("/readyz", response_model=Health)
async def readyz(request: Request, context: InContext) -> Health | JSONResponse:
    """Tell whether requests can be served, and if not, what is missing."""
    try:
        missing = await missing_migrations(context.pool)
    except StoreUnavailableError as error:
        request.state.store_error = str(error)
        return _not_ready(request, "the database is away")
    except MigrationError as error:
        return _not_ready(request, str(error))
    if missing:
        return _not_ready(request, f"the database lacks {', '.join(missing)}: `iotctl migrate`")
    return Health()


def _not_ready(request: Request, detail: str) -> JSONResponse:
    problem = Problem(Code.NOT_READY, detail, headers={"Retry-After": str(RETRY_AFTER_S)})
    return problem.response(request.state.request_id)
