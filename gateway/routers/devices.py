"""Devices: which there are, and what one measures."""

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.access import requires
from gateway.context import InContext
from gateway.etags import set_etag
from gateway.parameters import FieldName, PageQuery, Text
from gateway.permissions import Permission
from gateway.times import Instant
from weir.model.announcement import Kind
from weir.model.device_state import DeviceState
from weir.model.presence import Presence
from weir.postgres.queries.devices import DeviceFilter, list_devices, show_device
from weir.postgres.queries.gaps import RUNS_TOLD_MAX, find_gaps
from weir.postgres.queries.series import summarise_series

router = APIRouter(
    prefix="/v1/devices", tags=["devices"], dependencies=[requires(Permission.DEVICES_READ)]
)


class DeviceQuery(PageQuery):
    """Which devices to list."""

    site: Text | None = Field(None, description="slug of the site that they are at")
    model: Text | None = Field(None, description="their exact model")
    state: DeviceState | None = None
    presence: Presence | None = None
    field: FieldName | None = Field(None, description="one that they measure")
    search: Text = Field("", description="anywhere in serial, name or model, in whatever case")


class Device(BaseModel):
    """A device: what it is and how recently it was heard of."""

    model_config = ConfigDict(from_attributes=True)

    serial: str
    name: str = Field(description="what people call it; empty: nothing")
    organisation: str
    site: str
    model: str = Field(description="empty until the device has announced itself")
    firmware: str
    sample_rate_hz: float = Field(description="0: irregular, or not announced")
    state: DeviceState = Field(
        description="what is not active is kept aside until it is approved, enabled, undeleted"
    )
    presence: Presence = Field(description="whether it is there: see the events of `presence`")
    presence_reason: str | None = Field(
        description="how that is known: `connected`, `heard`; `last_will`, `farewell`, `silence`"
    )
    presence_changed_at: Instant | None = Field(description="since when")
    enrolled_at: Instant
    announced_at: Instant | None
    last_seen_at: Instant | None = Field(description="when it was last heard of")
    last_observed_at: Instant | None = Field(description="the device's own time of the newest one")
    version: int = Field(description="what `ETag` says too")


class DevicePage(BaseModel):
    """A page of devices, by serial."""

    devices: list[Device]
    next_cursor: str | None = Field(description="null: this was the last page")


class DeviceField(BaseModel):
    """A field of a device with its newest reading."""

    model_config = ConfigDict(from_attributes=True)

    field: str
    unit: str
    description: str
    kind: Kind
    last_observed_at: Instant | None
    last_value: float | str | None


class BootGaps(BaseModel):
    """Batches of one boot of a device that never arrived."""

    model_config = ConfigDict(from_attributes=True)

    boot_id: int
    missing_count: int
    missing: list[tuple[int, int]] = Field(
        description="first and last sequence number of each run, ascending; "
        f"the latest {RUNS_TOLD_MAX} runs"
    )
    recorded_at: Instant = Field(description="when a batch of this boot last arrived")


class DeviceDetails(Device):
    """A device with everything that it measures, and what of it is missing."""

    fields: list[DeviceField]
    gaps: list[BootGaps] = Field(description="the latest boot first; closed by late batches")


@router.get("")
async def get_devices(query: Annotated[DeviceQuery, InQuery()], context: InContext) -> DevicePage:
    """List devices, a page at a time, by serial; deleted ones only with `state=deleted`."""
    wanted = DeviceFilter(
        query.site, query.model, query.state, query.presence, query.field, query.search
    )
    after = cursors.decode_serial(query.cursor) if query.cursor else ""
    # One more than asked for tells whether there is another page.
    found = await list_devices(context.pool, wanted, after=after, limit=query.limit + 1)
    page = [Device.model_validate(summary) for summary in found[: query.limit]]
    has_more = len(found) > query.limit
    return DevicePage(
        devices=page, next_cursor=cursors.encode_serial(page[-1].serial) if has_more else None
    )


@router.get("/{serial}")
async def get_device(serial: str, context: InContext, response: Response) -> DeviceDetails:
    """Show one device with its fields, their newest readings, and the batches that are missing."""
    summary = await show_device(context.pool, serial)
    set_etag(response, summary.version)
    fields = await summarise_series(context.pool, serial)
    gaps = await find_gaps(context.pool, serial)
    return DeviceDetails(
        **Device.model_validate(summary).model_dump(),
        fields=[DeviceField.model_validate(series) for series in fields],
        gaps=[BootGaps.model_validate(boot) for boot in gaps],
    )
