"""The installation in numbers."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import requires
from gateway.context import InContext
from gateway.permissions import Permission
from gateway.times import Instant
from weir.postgres.queries.status import summarise

router = APIRouter(
    prefix="/v1/status", tags=["status"], dependencies=[requires(Permission.STATUS_READ)]
)


class Progress(BaseModel):
    """How far a consumer has come in a stream."""

    model_config = ConfigDict(from_attributes=True)

    consumer: str
    stream: str
    next_offset: int
    recorded_at: Instant = Field(description="when it last committed")


class Status(BaseModel):
    """What there is, counted."""

    model_config = ConfigDict(from_attributes=True)

    storage: str = Field(description="`timescaledb` or `plain`")
    device_count: int
    online_device_count: int
    series_count: int
    dead_letter_count: int = Field(description="those not settled yet")
    last_seen_at: Instant | None = Field(description="when any device was last heard of")
    progress: list[Progress]


@router.get("")
async def get_status(context: InContext) -> Status:
    """Count devices, series and dead letters, and tell how far the consumers are."""
    return Status.model_validate(await summarise(context.pool))
