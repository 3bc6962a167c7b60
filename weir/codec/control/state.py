"""Between states of devices and their bytes."""

from typing import Any

from pydantic import Field

from weir.clock import from_us, iso
from weir.codec.control.configuration import CONFIGURATION_BOUNDS, Hash
from weir.codec.documents import document_text
from weir.codec.json_forms.form import Envelope, Form, parse_body, take_form
from weir.codec.json_forms.times import Time
from weir.codec.json_text import compact_json
from weir.codec.wire import check_length
from weir.model.configuration import ReportedConfiguration, StateReport
from weir.model.limits import (
    CONFIGURATION_HASH_LENGTH_MAX,
    ERROR_LENGTH_MAX,
    INTEGER_MAGNITUDE_MAX,
)
from weir.model.serial import check_same_serial


class Reported(Form):
    """The configuration that a device runs."""

    version: int = Field(
        default=0,
        ge=0,
        le=INTEGER_MAGNITUDE_MAX,
        description="Of what it runs; 0: it did not come from Weir.",
    )
    hash: Hash = ""
    document: dict[str, Any] | None = Field(
        default=None, description="What it runs, where that was changed at the device itself."
    )
    rejected_version: int = Field(
        default=0,
        ge=0,
        le=INTEGER_MAGNITUDE_MAX,
        description="The last version that it was sent and did not take; 0: none.",
    )
    error: str = Field(
        default="", max_length=ERROR_LENGTH_MAX, description="Why it did not take that version."
    )


class State(Envelope):
    """What a device says about its present state; its last will is `{"online": false}`."""

    online: bool | None = Field(
        default=None, description="true: it is there from now on; false: it is gone."
    )
    configuration: Reported | None = Field(default=None, description="What it runs.")
    time: Time | None = Field(default=None, description="By the device's own clock.")


def encode_state(report: StateReport) -> bytes:
    """Encode a state for its device's routing key."""
    document: dict[str, Any] = {}
    if report.boot_id:
        document["boot_id"] = report.boot_id
    if report.is_online is not None:
        document["online"] = report.is_online
    if report.configuration is not None:
        document["configuration"] = _encode_reported(report.configuration)
    if report.reported_at is not None:
        document["time"] = iso(report.reported_at)
    return compact_json(document).encode()


def decode_state(body: bytes, serial: str) -> StateReport:
    """Decode a state that arrived on the routing key of `serial`.

    Raises:
        DecodeError: not a state.
        OversizeError: too many bytes or characters.
        WrongSerialError: it names another device.
        ImplausibleReadingError: a number that cannot be, or U+0000.
    """
    form = take_form(State, parse_body(body))
    check_same_serial(form.serial, serial)
    return StateReport(
        form.online,
        None if form.configuration is None else _decode_reported(form.configuration),
        form.boot_id,
        None if form.time is None else from_us(form.time),
    )


def _encode_reported(reported: ReportedConfiguration) -> dict[str, Any]:
    document: dict[str, Any] = {"version": reported.version, "hash": reported.hash}
    if reported.document is not None:
        document["document"] = reported.document
    if reported.rejected_version:
        document |= {"rejected_version": reported.rejected_version, "error": reported.error}
    return document


def _decode_reported(form: Reported) -> ReportedConfiguration:
    if form.document is not None:
        document_text("document", form.document, CONFIGURATION_BOUNDS)
    return ReportedConfiguration(
        form.version,
        check_length("hash", form.hash, CONFIGURATION_HASH_LENGTH_MAX),
        form.document,
        form.rejected_version,
        check_length("error", form.error, ERROR_LENGTH_MAX),
    )
