"""Between announcements and their bytes."""

import math

from weir.codec.capabilities import capabilities_from, commands_to_wire, schema_text
from weir.codec.wire import check_count, check_field, check_length, parse
from weir.errors import ImplausibleReadingError
from weir.model.announcement import Announcement, FieldDescription, Kind
from weir.model.limits import (
    DESCRIPTION_LENGTH_MAX,
    FIELD_COUNT_MAX,
    FIRMWARE_LENGTH_MAX,
    MODEL_LENGTH_MAX,
    SAMPLE_RATE_HZ_MAX,
)
from weir.model.serial import check_same_serial
from weir.telemetry.v1 import registry_pb2 as wire

_KINDS = {
    wire.KIND_TOTAL: Kind.TOTAL,
    wire.KIND_TOTAL_INCREASING: Kind.TOTAL_INCREASING,
}
KIND_NUMBERS = {
    Kind.GAUGE: wire.KIND_GAUGE,
    Kind.TOTAL: wire.KIND_TOTAL,
    Kind.TOTAL_INCREASING: wire.KIND_TOTAL_INCREASING,
}


def decode_announcement(body: bytes, serial: str) -> Announcement:
    """Decode an announcement that arrived on the routing key of `serial`.

    Raises:
        DecodeError: not an announcement.
        OversizeError: too many bytes, fields, commands or characters.
        WrongSerialError: it names another device.
        ImplausibleReadingError: a name or a number that cannot be, or a field or command twice.
    """
    return announcement_from(parse(wire.Announcement, body), serial)


def announcement_from(message: wire.Announcement, serial: str) -> Announcement:
    """Check an announcement that is parsed; raises what `decode_announcement` raises."""
    check_same_serial(message.serial, serial)
    if message.fields:
        check_count("fields", len(message.fields), FIELD_COUNT_MAX)
    if len({field.name for field in message.fields}) < len(message.fields):
        raise ImplausibleReadingError("a field is described twice")
    rate_hz = message.sample_rate_hz
    if not (math.isfinite(rate_hz) and 0 <= rate_hz <= SAMPLE_RATE_HZ_MAX):
        raise ImplausibleReadingError(f"a sample rate of {rate_hz} Hz")
    return Announcement(
        serial=serial,
        model=check_length("model", message.model, MODEL_LENGTH_MAX),
        firmware=check_length("firmware", message.firmware, FIRMWARE_LENGTH_MAX),
        fields=tuple(_decode_field(field) for field in message.fields),
        sample_rate_hz=rate_hz,
        boot_id=message.boot_id,
        capabilities=capabilities_from(message),
    )


def encode_announcement(announcement: Announcement) -> bytes:
    """Encode an announcement for its device's routing key."""
    capabilities = announcement.capabilities
    return wire.Announcement(
        serial=announcement.serial,
        model=announcement.model,
        firmware=announcement.firmware,
        fields=[
            wire.FieldDescription(
                name=field.name,
                unit=field.unit,
                description=field.description,
                kind=KIND_NUMBERS[field.kind],
                writable=field.name in capabilities.writable,
            )
            for field in announcement.fields
        ],
        sample_rate_hz=announcement.sample_rate_hz,
        boot_id=announcement.boot_id,
        commands=commands_to_wire(capabilities.commands),
        configuration_schema=schema_text(capabilities.configuration_schema),
        report_interval_ms=capabilities.report_interval_ms,
    ).SerializeToString()


def _decode_field(field: wire.FieldDescription) -> FieldDescription:
    check_field(field.name, field.unit)
    what = f"description of {field.name}"
    return FieldDescription(
        name=field.name,
        unit=field.unit,
        description=check_length(what, field.description, DESCRIPTION_LENGTH_MAX),
        kind=_KINDS.get(field.kind, Kind.GAUGE),
    )
