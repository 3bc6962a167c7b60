"""What the gateway says of configurations."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.times import Instant
from weir.events.configuration import How
from weir.model.configuration_sync import SyncState
from weir.model.document_diff import Kind
from weir.postgres.configuration_state import ConfiguredDevice
from weir.postgres.queries.configurations import Version


class Reported(BaseModel):
    """What a device says that it runs."""

    model_config = ConfigDict(from_attributes=True)

    version: int = Field(description="0: it did not come from here")
    hash: str = Field(description="of what it runs; empty: it runs nothing, or cannot tell")
    document: dict[str, Any] | None = Field(description="where it was changed at the device itself")
    rejected_version: int = Field(description="the last one that it has refused; 0: none")
    error: str = Field(description="why it has refused that")


class VersionSummary(BaseModel):
    """One version of what was wanted."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    how: How
    of_version: int | None = Field(description="the one that was taken again by a rollback")
    hash: str
    set_at: Instant
    set_by: str


class VersionDocument(VersionSummary):
    """One version of what was wanted, in full."""

    document: dict[str, Any]


class Difference(BaseModel):
    """One place where two documents differ."""

    model_config = ConfigDict(from_attributes=True)

    path: str = Field(description="names with dots between; a dot in a name has a `\\` before it")
    kind: Kind
    before: Any
    after: Any


class ConfigurationAnswer(BaseModel):
    """What is wanted of a device, and what it runs."""

    serial: str
    state: SyncState = Field(description="`in_sync`, `pending`, `rejected` or `unknown`")
    is_edited_at_device: bool = Field(
        description="it runs what somebody has put there by hand: adopt or overwrite that"
    )
    version: int = Field(description="that is wanted, and what `ETag` says; 0: nothing is")
    document: dict[str, Any] | None = Field(description="that is wanted; null: nothing is")
    hash: str
    how: How | None
    set_at: Instant | None
    set_by: str | None
    reported: Reported | None = Field(description="null: it has never said what it runs")
    reported_at: Instant | None = Field(description="when it last said something new")
    configuration_schema: dict[str, Any] | None = Field(
        alias="schema",
        description="the JSON Schema that the device declares; null: none, and any object is taken",
    )


def answer_of(device: ConfiguredDevice, newest: Version | None) -> ConfigurationAnswer:
    """Say what is known of a device's configuration; `newest`: the version that is wanted."""
    configuration = device.configuration
    reported = configuration.reported
    return ConfigurationAnswer(
        serial=device.serial,
        state=configuration.state,
        is_edited_at_device=configuration.is_edited_at_device,
        version=configuration.wanted.version,
        document=None if configuration.document is None else dict(configuration.document),
        hash=configuration.wanted.hash,
        how=newest and newest.how,
        set_at=newest and newest.set_at,
        set_by=newest and newest.set_by,
        reported=None if reported is None else Reported.model_validate(reported),
        reported_at=configuration.reported_at,
        schema=None if device.schema is None else dict(device.schema),
    )
