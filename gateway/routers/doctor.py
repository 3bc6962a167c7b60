"""What is wrong with the installation, as far as the gateway can see."""

import asyncio
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import requires
from gateway.context import InContext
from gateway.permissions import Permission
from gateway.times import Instant
from weir import __version__
from weir.doctor.examination import Installation, examine
from weir.doctor.finding import State

router = APIRouter(
    prefix="/v1/doctor", tags=["doctor"], dependencies=[requires(Permission.DOCTOR_READ)]
)

#: An examination connects to everything: who asks again so soon is given the same.
KEPT_FOR = timedelta(seconds=5)


class Finding(BaseModel):
    """One thing that was looked at."""

    model_config = ConfigDict(from_attributes=True)

    check: str = Field(description="the check that has looked")
    state: State = Field(description="`skipped`: it could not be looked at, which is no fault")
    subject: str
    message: str
    remedy: str = Field(description="the command that mends it; empty where nothing is wrong")


class Examination(BaseModel):
    """Everything that was looked at."""

    version: str = Field(description="of the gateway's software")
    examined_at: Instant
    answered_at: Instant = Field(description="by the gateway's clock, for comparison with others")
    findings: list[Finding]


class Practice:
    """Examines one at a time, and remembers the last findings for a moment."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._last: tuple[datetime, list[Finding]] | None = None

    async def examine(self, installation: Installation) -> tuple[datetime, list[Finding]]:
        """Look at the installation, or give what was found just now."""
        async with self._lock:
            now = installation.clock.now()
            if self._last is None or now - self._last[0] > KEPT_FOR:
                found = await examine(installation)
                self._last = (now, [Finding.model_validate(each) for each in found])
            return self._last


@router.get("")
async def get_doctor(context: InContext, request: Request) -> Examination:
    """Run every check: broker, topology, queues, consumers, database, disk, clocks and more.

    It may take some seconds. What only the operator's machine can see, `iotctl doctor` adds.
    """
    practice = getattr(request.app.state, "practice", None)
    if practice is None:
        practice = request.app.state.practice = Practice()
    installation = Installation(context.settings, context.pool, context.clock)
    examined_at, findings = await practice.examine(installation)
    return Examination(
        version=__version__,
        examined_at=examined_at,
        answered_at=context.now(),
        findings=findings,
    )
