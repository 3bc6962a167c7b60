"""What an edge agent is told: the broker, its spool, its devices. Its JSON Schema is exported.

What a device may be told from afar is `DeviceDocument` with its driver's own settings; the rest
(serial, driver, password) is decided where the device is.
"""

import json
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, create_model

from weir.driver import DriverConfiguration
from weir.model.limits import FIELD_NAME_PATTERN, READING_COUNT_MAX
from weir.model.serial import SERIAL_PATTERN

#: One process polls some hundred devices once a second; simulated ones may be more.
DEVICE_COUNT_MAX = 10_000
#: A device that is polled less than once a day is no live device.
INTERVAL_S_MAX = 86_400.0
INTERVAL_S_MIN = 0.01
MEBIBYTE = 1024 * 1024

Serial = Annotated[str, StringConstraints(pattern=f"^{SERIAL_PATTERN}$")]
FieldName = Annotated[str, StringConstraints(pattern=f"^{FIELD_NAME_PATTERN}$")]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class WhenFull(StrEnum):
    """What happens when the spool has reached its limit."""

    DROP_OLDEST = "drop_oldest"
    STOP_READING = "stop_reading"


class Credentials(_Group):
    """How a device shows who it is; one of the three, or none."""

    password: SecretStr | None = Field(None, description="The password itself.")
    password_file: Path | None = Field(
        None, description="A file that has the password, and nothing else."
    )
    password_env: str | None = Field(
        None, description="A variable of the environment that has the password."
    )


class BrokerConfiguration(_Group):
    """Where messages go."""

    url: Annotated[str, StringConstraints(pattern="^mqtts?://")] = Field(
        description="`mqtt://host:1883`, or `mqtts://host:8883` for TLS; a virtual host as path."
    )
    ca: Path | None = Field(
        None, description="PEM file of the authorities to trust; absent: the system's."
    )
    certificate: Path | None = Field(
        None,
        description="PEM file with a certificate of this computer, for brokers that ask for one.",
    )
    key: Path | None = Field(None, description="PEM file with that certificate's key.")


class SpoolConfiguration(_Group):
    """Where messages wait until the broker has them."""

    path: Path = Field(
        Path("edge.spool"),
        description="An SQLite file, made when it is missing; from the folder of this file.",
    )
    bytes_max: int = Field(
        256 * MEBIBYTE,
        ge=MEBIBYTE,
        le=1024 * 1024 * MEBIBYTE,
        description="The most that may wait, in bytes of messages.",
    )
    when_full: WhenFull = Field(
        WhenFull.DROP_OLDEST,
        description="drop_oldest: least important first; stop_reading: devices wait.",
    )
    backlog_bytes_per_s: int = Field(
        256 * 1024,
        ge=1_024,
        le=1024 * MEBIBYTE,
        description="How fast what has waited is sent beside what is new.",
    )


class BatchConfiguration(_Group):
    """When readings become a message: whatever comes first, and at once with a device event."""

    readings: int = Field(
        1_000, ge=1, le=READING_COUNT_MAX, description="So many readings are enough."
    )
    seconds: float = Field(
        0.0,
        ge=0,
        le=3_600,
        description="So long the first one may wait, and is lost by a crash; 0: each poll.",
    )


class FieldConfiguration(_Group):
    """When a field is reported; without it, at every poll."""

    dead_band: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="Report a change of more than this, in the field's unit; 0: any change.",
    )
    heartbeat_s: float = Field(
        3_600.0,
        gt=0,
        le=INTERVAL_S_MAX,
        description="Report at least so often, also without a change.",
    )


class DeviceDocument(_Group):
    """What a device can be told from afar."""

    interval_s: float = Field(
        1.0,
        ge=INTERVAL_S_MIN,
        le=INTERVAL_S_MAX,
        description="Seconds between polls, which lie on multiples of it since 1970.",
    )
    timeout_s: float = Field(10.0, gt=0, le=600, description="A poll that takes longer has failed.")
    jitter_s: float = Field(
        0.0,
        ge=0,
        le=INTERVAL_S_MAX,
        description="Poll up to so much later, always the same; times stay aligned.",
    )
    batch: BatchConfiguration = Field(
        default_factory=BatchConfiguration, description="When readings become a message."
    )
    fields: dict[FieldName, FieldConfiguration] = Field(
        default_factory=dict,
        description="Fields that are reported on change, by their names.",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="What the driver is told: `iotctl edge drivers` names its settings.",
    )


#: What `DeviceDocument` has: the part of a device's entry that may come from afar.
DOCUMENT_KEYS = frozenset(DeviceDocument.model_fields)


class DeviceConfiguration(Credentials, DeviceDocument):
    """One device, with a connection of its own."""

    serial: Serial = Field(description="Who it is: its identity on the broker.")
    driver: str = Field(min_length=1, max_length=100, description="What reads it.")


class HealthConfiguration(Credentials):
    """The agent as a device: how its spool, its links and its devices are."""

    serial: Serial = Field(description="Who it is: its identity on the broker.")
    interval_s: float = Field(60.0, ge=1, le=INTERVAL_S_MAX, description="Seconds between reports.")


class AgentConfiguration(_Group):
    """An edge agent."""

    broker: BrokerConfiguration = Field(description="Where messages go.")
    spool: SpoolConfiguration = Field(
        default_factory=SpoolConfiguration,
        description="Where messages wait until the broker has them.",
    )
    agent: HealthConfiguration | None = Field(
        None,
        description="The agent as a device of its own; absent: it reports nothing about itself.",
    )
    devices: list[DeviceConfiguration] = Field(
        default_factory=list, max_length=DEVICE_COUNT_MAX, description="What is polled."
    )


@cache
def document_class(configuration_class: type[DriverConfiguration]) -> type[DeviceDocument]:
    """Give `DeviceDocument` with the settings of one driver: what its devices declare."""
    fields = configuration_class.model_fields.values()
    said = "What the driver is told."
    return create_model(
        "DeviceDocument",
        __base__=DeviceDocument,
        __doc__=DeviceDocument.__doc__,
        settings=(
            configuration_class,
            Field(description=said)
            if any(field.is_required() for field in fields)
            else Field(default_factory=configuration_class, description=said),
        ),
    )


def exported_agent_schemas() -> dict[str, str]:
    """Give the text of the JSON Schema of the configuration file by the name of its file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **AgentConfiguration.model_json_schema(),
        "title": "configuration of an edge agent",
    }
    return {"agent.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"}
