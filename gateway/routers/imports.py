"""Imports: readings that somebody has, on the way that readings of devices take."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import BaseModel, Field

from gateway.access import requires
from gateway.context import Context, InContext
from gateway.idempotency import IdempotentRoute
from gateway.import_rows import Accepted, RefusedRow, messages_of, read_lines
from gateway.limits import BODY_BYTES_MAX
from gateway.parameters import Query
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from weir.errors import RequestError
from weir.model.device_state import DeviceState
from weir.postgres.queries.device_ids import find_states

router = APIRouter(
    prefix="/v1/readings",
    tags=["readings"],
    dependencies=[requires(Permission.READINGS_WRITE)],
    route_class=IdempotentRoute,
)

MEDIA_TYPE = "application/x-ndjson"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "a line for each reading: `serial`, `field`, `observed_at`, `value` and, if "
        f"there is one, `unit`; at most {BODY_BYTES_MAX} bytes",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


class ImportQuery(Query):
    """How to take rows."""

    dry_run: bool = Field(default=False, description="check everything, and store nothing")
    enrol: bool = Field(default=False, description="let rows make devices that there are not yet")


class ImportAnswer(BaseModel):
    """What became of the rows."""

    accepted_count: int = Field(description="the broker has them: they will be stored")
    refused: list[RefusedRow] = Field(description="ascending by row")


@router.post("/import", openapi_extra=_BODY, responses={"413": PROBLEM_RESPONSE})
async def import_readings(
    request: Request, query: Annotated[ImportQuery, InQuery()], context: InContext
) -> ImportAnswer:
    """Publish readings as if their devices had, so that everything follows; each row for itself.

    Safe to repeat: a reading of the same series and instant is stored once, and the first stays.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise RequestError(f"header.content-type: {MEDIA_TYPE} is taken, a JSON object each line")
    accepted, refused = read_lines(await request.body(), context.now())
    accepted, unknown = await _of_known_devices(context, accepted, enrol=query.enrol)
    refused = sorted([*refused, *unknown], key=lambda row: row.row)
    if not query.dry_run:
        messages = list(messages_of(row.reading for row in accepted))
        for error in await context.republisher.publish(messages):
            # Some may be on their way: sending all of them again does no harm.
            if error is not None:
                raise error
    return ImportAnswer(accepted_count=len(accepted), refused=refused)


async def _of_known_devices(
    context: Context, rows: Sequence[Accepted], *, enrol: bool
) -> tuple[list[Accepted], list[RefusedRow]]:
    states = await find_states(context.pool, list({row.reading.serial for row in rows}))
    accepted, refused = [], []
    for row in rows:
        serial = row.reading.serial
        state = states.get(serial)
        if state is DeviceState.ACTIVE or (state is None and enrol):
            accepted.append(row)
            continue
        reason = f"it is {state.value}" if state else f"no device has the serial {serial!r}"
        refused.append(RefusedRow(row=row.row, column="serial", reason=reason))
    return accepted, refused
