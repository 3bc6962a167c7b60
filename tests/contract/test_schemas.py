"""Contracts as data: examples decode alike in JSON and protobuf, and fit their JSON Schemas."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.message import Message
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tests.unit.codec.batches import NOW_US
from tests.unit.codec.twins import plain
from weir.codec.device_log import decode_logs
from weir.codec.json_forms.announcement import decode_announcement_json
from weir.codec.json_forms.export import FORMS, exported_schemas
from weir.codec.json_forms.logs import decode_logs_json
from weir.codec.measurement import MeasurementBatch
from weir.codec.registry import decode_announcement
from weir.codec.telemetry import decode_telemetry
from weir.errors import InvalidMessageError
from weir.paths import SCHEMAS
from weir.telemetry.v1 import event_pb2, log_pb2, measurement_pb2, registry_pb2

TELEMETRY = SCHEMAS / "json" / "telemetry"
EXAMPLES = sorted((TELEMETRY / "examples").glob("*.json"))
SERIAL = "crane-7"
MESSAGES: dict[str, type[Message]] = {
    "measurements": measurement_pb2.Batch,
    "events": event_pb2.EventBatch,
    "locations": event_pb2.LocationBatch,
    "registry": registry_pb2.Announcement,
    "logs": log_pb2.LogBatch,
}
QUEUED: dict[str, Callable[[bytes, str], object]] = {
    "registry": decode_announcement,
    "registry.json": decode_announcement_json,
    "logs": decode_logs,
    "logs.json": decode_logs_json,
}

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


def kind_of(example: Path) -> str:
    return example.stem.partition("-")[0]


def decode(kind: str, body: bytes) -> object:
    if kind in QUEUED:
        return QUEUED[kind](body, SERIAL)
    batch = decode_telemetry(kind, body, SERIAL, NOW_US)
    return plain(batch) if isinstance(batch, MeasurementBatch) else batch


def schema(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((TELEMETRY / f"{kind}.json").read_text("utf-8")))


@every_example
def test_an_example_in_json_means_its_twin_in_protobuf(example: Path) -> None:
    kind = kind_of(example)
    twin = example.with_suffix(".txtpb").read_text("utf-8")
    message = text_format.Parse(twin, MESSAGES[kind]())

    assert decode(kind, message.SerializeToString()) == decode(f"{kind}.json", example.read_bytes())


@every_example
def test_an_example_fits_its_schema(example: Path) -> None:
    schema(kind_of(example)).validate(json.loads(example.read_text("utf-8")))


def test_there_is_an_example_of_every_kind_and_none_without_its_twin() -> None:
    assert set(FORMS) == {kind_of(example) for example in EXAMPLES}
    twins = {path.stem for path in (TELEMETRY / "examples").glob("*.txtpb")}
    assert {example.stem for example in EXAMPLES} == twins


def test_the_schemas_are_what_the_models_say() -> None:
    stored = {path.name: path.read_text("utf-8") for path in TELEMETRY.glob("*.json")}
    assert exported_schemas() == stored, "run `make docs`"


@pytest.mark.parametrize("kind", FORMS)
def test_a_schema_is_a_schema(kind: str) -> None:
    Draft202012Validator.check_schema(schema(kind).schema)


FIELD = {"name": "x", "values": [1, 2]}
EVENT = {"time": 1_767_225_600_000_000, "type": "a"}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("measurements", {}),
        ("measurements", {"time": 1_767_225_600_000_000, "values": {}}),
        ("measurements", {"time": "yesterday", "values": {"x": 1}}),
        ("measurements", {"time": 1_767_225_600_000_000, "values": {"x": None}}),
        ("measurements", {"time": 1_767_225_600_000_000, "values": {"a b": 1}}),
        ("measurements", {"time": 1_767_225_600_000_000, "values": {"x": 1}, "unit": "Cel"}),
        ("measurements", {"readings": []}),
        ("measurements", {"fields": [FIELD]}),
        ("measurements", {"fields": [FIELD | {"start": 1_767_225_600_000_000}]}),
        ("measurements", {"fields": [FIELD | {"times": [], "start": 1, "period_us": 1}]}),
        ("measurements", {"fields": [FIELD | {"times": [1_767_225_600_000_000] * 2, "start": 1}]}),
        ("events", {"events": []}),
        ("events", {"events": [EVENT | {"type": "a b"}]}),
        ("events", {"events": [EVENT | {"data": []}]}),
        ("locations", {"locations": [{"time": 1_767_225_600_000_000}]}),
        ("registry", {"sample_rate_hz": -1}),
        ("logs", {"entries": [{"level": "info"}]}),
    ],
)
def test_what_a_schema_refuses_the_decoder_refuses(kind: str, form: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        schema(kind).validate(form)
    with pytest.raises(InvalidMessageError):
        decode(f"{kind}.json", json.dumps(form).encode())


@pytest.mark.parametrize(
    "field",
    [
        FIELD | {"times": [1_767_225_600_000_000] * 2, "start": None, "period_us": None},
        FIELD | {"times": None, "start": "2026-01-01T00:00:00Z", "period_us": 1, "quality": None},
    ],
)
def test_null_is_the_same_as_nothing(field: dict[str, Any]) -> None:
    schema("measurements").validate({"fields": [field]})
    assert decode("measurements.json", json.dumps({"fields": [field]}).encode())
