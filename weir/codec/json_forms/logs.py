"""Log lines in JSON."""

from typing import Annotated, Literal

from pydantic import FailFast, Field

from weir.codec.device_log import LEVEL_NUMBERS, logs_from
from weir.codec.json_forms.form import Envelope, Form, parse_body, take_form
from weir.codec.json_forms.times import Time
from weir.model.device_log import Level, LogEntry
from weir.model.limits import (
    LOG_ATTRIBUTE_COUNT_MAX,
    LOG_ATTRIBUTE_NAME_LENGTH_MAX,
    LOG_ATTRIBUTE_VALUE_LENGTH_MAX,
    LOG_ENTRY_COUNT_MAX,
    LOG_MESSAGE_LENGTH_MAX,
)
from weir.telemetry.v1 import log_pb2 as wire

AttributeName = Annotated[str, Field(max_length=LOG_ATTRIBUTE_NAME_LENGTH_MAX)]
AttributeValue = Annotated[str, Field(max_length=LOG_ATTRIBUTE_VALUE_LENGTH_MAX)]


class Line(Form):
    """One log line."""

    time: Time | None = Field(default=None, description="When it was written; absent: unknown.")
    level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="info", description="How bad it is."
    )
    message: str = Field(max_length=LOG_MESSAGE_LENGTH_MAX, description="What happened.")
    attributes: dict[AttributeName, AttributeValue] = Field(
        default_factory=dict, max_length=LOG_ATTRIBUTE_COUNT_MAX, description="Details."
    )

    def to_wire(self) -> wire.LogEntry:
        """Give the line as protobuf has it."""
        return wire.LogEntry(
            logged_at_us=self.time or 0,
            level=LEVEL_NUMBERS[Level(self.level)],
            message=self.message,
            attributes=self.attributes,
        )


class Logs(Envelope):
    """Log lines of one device, in the order in which they were written."""

    entries: Annotated[list[Line], FailFast()] = Field(
        min_length=1, max_length=LOG_ENTRY_COUNT_MAX, description="The lines."
    )


def decode_logs_json(body: bytes, serial: str) -> list[LogEntry]:
    """Decode log lines in JSON; gives and raises what `decode_logs` does."""
    return decode_boot_logs_json(body, serial)[1]


def decode_boot_logs_json(body: bytes, serial: str) -> tuple[int, list[LogEntry]]:
    """Decode log lines in JSON with the boot id of their device."""
    form = take_form(Logs, parse_body(body))
    batch = wire.LogBatch(
        serial=form.serial,
        boot_id=form.boot_id,
        entries=[line.to_wire() for line in form.entries],
    )
    return batch.boot_id, logs_from(batch, serial)
