"""Commands to devices, as clients ask for them and as they are told of them."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.parameters import Serial
from gateway.routers.auth import Body
from gateway.times import Instant
from weir.codec.control.command import PARAMETERS_BOUNDS
from weir.codec.documents import document_text
from weir.errors import InvalidMessageError
from weir.model.command import CommandState, ReplyStatus
from weir.model.limits import COMMAND_NAME_PATTERN, PARAMETERS_BYTES_MAX
from weir.model.site import SLUG_PATTERN
from weir.postgres.command_requests import (
    DEVICE_COUNT_MAX,
    REFUSED_TOLD_MAX,
    OnRefusal,
    RefusalReason,
)

#: A command that nobody has begun in a month is not wanted any more.
TTL_S_MAX = 31 * 86_400.0
TTL_S = 86_400.0
TIMEOUT_S_MAX = 86_400.0
TIMEOUT_S = 60.0
#: Commands that an answer to a request names.
COMMANDS_TOLD_MAX = 100


def _check_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    try:
        document_text("parameters", parameters, PARAMETERS_BOUNDS)
    except InvalidMessageError as error:
        raise ValueError(str(error)) from error
    return parameters


class CommandBody(Body):
    """What is to be done."""

    command: str = Field(
        pattern=f"^{COMMAND_NAME_PATTERN}$",
        description="as the device declares it, or a built-in one",
        examples=["change_sample_frequency"],
    )
    parameters: Annotated[dict[str, Any], AfterValidator(_check_parameters)] = Field(
        default_factory=dict,
        description=f"as the device declares them; at most {PARAMETERS_BYTES_MAX} bytes",
        examples=[{"frequency_hz": 50.0}],
    )
    ttl_s: float = Field(
        TTL_S, ge=1, le=TTL_S_MAX, description="how long the device may take to begin"
    )
    timeout_s: float = Field(
        TIMEOUT_S,
        ge=1,
        le=TIMEOUT_S_MAX,
        description="how long it then has to say what came of it",
    )


class GroupBody(CommandBody):
    """What is to be done, and by whom: give either `devices` or `site`."""

    devices: list[Serial] | None = Field(
        None, min_length=1, max_length=DEVICE_COUNT_MAX, examples=[["crane-7", "pump-1"]]
    )
    site: str | None = Field(
        None, pattern=f"^{SLUG_PATTERN}$", description="all devices that are let in there"
    )
    on_refusal: OnRefusal = Field(
        OnRefusal.REFUSE_ALL,
        description="when devices refuse it: `refuse_all` asks nobody, `skip` leaves them out",
    )

    @model_validator(mode="after")
    def _say_whom(self) -> Self:
        if (self.devices is None) == (self.site is None):
            raise ValueError("give either `devices` or `site`")
        return self


class CommandView(BaseModel):
    """A command to a device."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    serial: str
    site: str
    command: str
    parameters: dict[str, Any]
    state: CommandState
    requested_by: str
    group_id: str | None = Field(description="the same for those that were requested together")
    requested_at: Instant
    expires_at: Instant = Field(description="from then on the device must not begin it")
    timeout_s: float
    attempt_count: int = Field(description="how often it was sent")
    sent_at: Instant | None
    delivered_at: Instant | None
    ended_at: Instant | None
    result: dict[str, Any] = Field(description="what the device says came of it")
    error: str = Field(description="why it failed, or was cancelled by itself")
    late_status: ReplyStatus | None = Field(
        description="what the device said when the command had been given up: `state` stays"
    )
    late_at: Instant | None
    version: int = Field(description="how many steps it has had")


class Step(BaseModel):
    """One step of a command; `data`: what is known of it besides."""

    model_config = ConfigDict(from_attributes=True)

    step: str = Field(examples=["delivered"])
    at: Instant
    actor: str
    position: int = Field(description="of the event in the journal")
    data: dict[str, Any]


class CommandDetails(CommandView):
    """A command with everything that has happened to it."""

    steps: list[Step]


class CommandPage(BaseModel):
    """A page of commands, newest first."""

    commands: list[CommandView]
    next_cursor: str | None = Field(description="null: this was the last page")


class RequestedCommand(BaseModel):
    """One of the commands of a request."""

    id: str
    serial: str


class Refusal(BaseModel):
    """A device that was left out, and why."""

    model_config = ConfigDict(from_attributes=True)

    serial: str
    reason: RefusalReason
    message: str


class RequestedGroup(BaseModel):
    """What was requested of several devices; `GET /v1/commands?group=` lists all of it."""

    group_id: str
    command_count: int
    commands: list[RequestedCommand] = Field(description=f"the first {COMMANDS_TOLD_MAX}")
    refused_count: int
    refused: list[Refusal] = Field(description=f"the first {REFUSED_TOLD_MAX}")
