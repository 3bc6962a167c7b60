"""What a device declares that it can do: carried unchanged, and bounded."""

import json
from typing import Any

import pytest

from weir.codec.json_forms.announcement import decode_announcement_json
from weir.codec.registry import decode_announcement, encode_announcement
from weir.errors import DecodeError, ImplausibleReadingError, InvalidMessageError, OversizeError
from weir.model.announcement import Announcement, FieldDescription
from weir.model.built_in_commands import BUILT_IN, built_in
from weir.model.capabilities import Capabilities, CommandDescription
from weir.model.limits import (
    COMMAND_COUNT_MAX,
    DESCRIPTION_LENGTH_MAX,
    REPORT_INTERVAL_MS_MAX,
    SCHEMA_BYTES_MAX,
    SCHEMA_DEPTH_MAX,
)
from weir.telemetry.v1 import registry_pb2 as wire

SERIAL = "pump-1"
CAPABILITIES = Capabilities(
    commands=(
        CommandDescription("self_test", "Test itself", {"type": "object"}),
        CommandDescription("purge"),
    ),
    writable=("valve",),
    configuration_schema={"properties": {"interval_s": {"$ref": "#/$defs/Interval"}}},
    report_interval_ms=60_000,
)


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def test_capabilities_survive_the_wire() -> None:
    fields = (FieldDescription("valve"), FieldDescription("pressure"))
    announcement = Announcement(SERIAL, "P", "1", fields, capabilities=CAPABILITIES)
    assert announcement == decode_announcement(encode_announcement(announcement), SERIAL)


def test_all_built_in_commands_can_be_declared() -> None:
    commands = tuple(built_in(name) for name in BUILT_IN)
    announcement = Announcement(SERIAL, "P", "1", (), capabilities=Capabilities(commands))
    assert announcement == decode_announcement(encode_announcement(announcement), SERIAL)
    assert all(command.description for command in commands)


def test_nothing_declared_is_nothing_but_measuring() -> None:
    assert Capabilities() == decode_announcement(b"", SERIAL).capabilities


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (wire.Announcement(commands=[wire.CommandDescription(name="Purge")]), "implausible"),
        (wire.Announcement(commands=[wire.CommandDescription(name="")]), "implausible"),
        (wire.Announcement(commands=[wire.CommandDescription(name="x" * 64)]), "implausible"),
        (wire.Announcement(commands=[wire.CommandDescription(name="x")] * 2), "implausible"),
        (
            wire.Announcement(
                commands=[
                    wire.CommandDescription(name=f"c{number}")
                    for number in range(COMMAND_COUNT_MAX + 1)
                ]
            ),
            "oversize",
        ),
        (
            wire.Announcement(
                commands=[
                    wire.CommandDescription(
                        name="x", description="d" * (DESCRIPTION_LENGTH_MAX + 1)
                    )
                ]
            ),
            "oversize",
        ),
        (wire.Announcement(configuration_schema="{"), "undecodable"),
        (wire.Announcement(configuration_schema="[]"), "undecodable"),
        (wire.Announcement(configuration_schema=nested(SCHEMA_DEPTH_MAX + 1)), "undecodable"),
        (
            wire.Announcement(configuration_schema=json.dumps({"a": "x" * SCHEMA_BYTES_MAX})),
            "oversize",
        ),
        (
            wire.Announcement(configuration_schema='{"$ref": "https://example.org/a.json"}'),
            "implausible",
        ),
        (wire.Announcement(configuration_schema='{"a": [{"$ref": 7}]}'), "implausible"),
        (wire.Announcement(report_interval_ms=REPORT_INTERVAL_MS_MAX + 1), "implausible"),
    ],
)
def test_what_is_out_of_bounds_is_refused(message: wire.Announcement, error: str) -> None:
    with pytest.raises(InvalidMessageError) as raised:
        decode_announcement(message.SerializeToString(), SERIAL)
    assert error == raised.value.reason


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"commands": [{"name": "Purge"}]}, ImplausibleReadingError),
        ({"commands": [{"name": "x"}] * (COMMAND_COUNT_MAX + 1)}, OversizeError),
        ({"commands": [{"name": "x", "parameters_schema": []}]}, DecodeError),
        ({"configuration_schema": {"$ref": "other.json"}}, ImplausibleReadingError),
        ({"report_interval_ms": REPORT_INTERVAL_MS_MAX + 1}, ImplausibleReadingError),
    ],
)
def test_json_has_the_same_bounds(form: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_announcement_json(json.dumps(form).encode(), SERIAL)
