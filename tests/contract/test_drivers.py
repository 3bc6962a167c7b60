"""What every driver promises, tried on all that are found; a new one gets these tests for free."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.codec.json_text import compact_json
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.codec.registry import decode_announcement, encode_announcement
from weir.driver import Driver, DriverConfiguration, Poll
from weir.errors import CommandRefusedError, DeviceUnavailableError
from weir.model.announcement import Announcement
from weir.model.limits import COMMAND_NAME_PATTERN, SCHEMA_BYTES_MAX
from weir.registry import discover

GOLDEN = Path(__file__).parent.parent / "golden" / "drivers"
DRIVERS = discover("producers.drivers", Driver)  # type: ignore[type-abstract] # looks for subclasses
CASES = sorted(GOLDEN.glob("*/*/case.json"))

AnyDriver = Driver[DriverConfiguration]


def load(case: Path) -> tuple[AnyDriver, Poll, list[dict[str, Any]]]:
    """Give the driver of a golden case, what it is asked and what it must answer."""
    recorded = json.loads(case.read_text(encoding="utf-8"))
    driver_class = DRIVERS[case.parent.parent.name]
    configuration = driver_class.configuration_class.model_validate(recorded["configuration"])
    driver = driver_class(configuration, random.Random(recorded["seed"]))
    return driver, Poll(**recorded["poll"]), recorded["readings"]


def case_name(case: Path) -> str:
    return f"{case.parent.parent.name}/{case.parent.name}"


@pytest.mark.parametrize("name", DRIVERS)
def test_a_driver_explains_itself(name: str) -> None:
    driver_class = DRIVERS[name]
    assert driver_class.__doc__
    assert driver_class.model
    for field_name, field in driver_class.configuration_class.model_fields.items():
        assert field.description, field_name


@pytest.mark.parametrize("name", DRIVERS)
def test_a_driver_has_a_golden_case(name: str) -> None:
    assert [case for case in CASES if case.parent.parent.name == name]


@pytest.mark.parametrize("name", DRIVERS)
def test_its_configuration_can_be_shown_as_a_form(name: str) -> None:
    schema = DRIVERS[name].configuration_class.model_json_schema()
    assert len(compact_json(schema).encode()) <= SCHEMA_BYTES_MAX
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [] == [
        ".".join(path) for path, member in properties_of(schema) if "description" not in member
    ]


@pytest.mark.parametrize("name", DRIVERS)
def test_an_unknown_key_in_its_configuration_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        DRIVERS[name].configuration_class.model_validate({"no_such_key": 1})


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_what_it_measures_can_be_announced(case: Path) -> None:
    driver, _, _ = load(case)
    announcement = Announcement(
        "dev-1", driver.model, "1", driver.fields, driver.sample_rate_hz, boot_id=1
    )
    assert announcement == decode_announcement(encode_announcement(announcement), "dev-1")
    assert all(field.description for field in driver.fields)


@pytest.mark.parametrize("case", CASES, ids=case_name)
async def test_its_commands_are_described_and_carried_out_or_refused(case: Path) -> None:
    driver, _, _ = load(case)
    names = [command.name for command in driver.commands]
    assert len(names) == len(set(names))
    for command in driver.commands:
        assert re.fullmatch(COMMAND_NAME_PATTERN, command.name)
        assert command.description
        schema = command.parameters_schema
        assert "object" == schema["type"], command.name
        jsonschema.Draft202012Validator.check_schema(schema)
        assert len(compact_json(schema).encode()) <= SCHEMA_BYTES_MAX
        with pytest.raises((CommandRefusedError, DeviceUnavailableError)):
            await driver.act(command.name, {"no such parameter": 1})
    with pytest.raises(CommandRefusedError):
        await driver.act("no_such_command", {})
    await driver.close()


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_what_can_be_written_is_measured_and_the_command_is_there(case: Path) -> None:
    driver, _, _ = load(case)
    assert set(driver.writable) <= {field.name for field in driver.fields}
    assert bool(driver.writable) == ("set" in {command.name for command in driver.commands})


@pytest.mark.parametrize("case", CASES, ids=case_name)
async def test_a_golden_case_gives_the_recorded_readings(case: Path) -> None:
    driver, poll, expected = load(case)
    readings = (await driver.read(poll)).readings
    assert [item["field"] for item in expected] == [item.name for item in readings]
    for wanted, given in zip(expected, readings, strict=True):
        assert wanted["observed_at_us"] == list(given.observed_at_us)
        assert list(given.values) == pytest.approx(wanted["values"], abs=1e-9)


@pytest.mark.parametrize("case", CASES, ids=case_name)
async def test_readings_are_declared_in_the_poll_in_order_and_accepted(case: Path) -> None:
    driver, poll, _ = load(case)
    readings = (await driver.read(poll)).readings
    names = [item.name for item in readings]
    assert len(names) == len(set(names))
    assert set(names) <= {field.name for field in driver.fields}
    for item in readings:
        times = list(item.observed_at_us)
        assert sorted(set(times)) == times
        assert poll.start_us <= times[0]
        assert times[-1] < poll.end_us
    assert_accepted(readings, poll)


@pytest.mark.parametrize("case", CASES, ids=case_name)
async def test_the_same_seed_gives_the_same_readings(case: Path) -> None:
    (one, poll, _), (other, _, _) = load(case), load(case)
    assert await one.read(poll) == await other.read(poll)


def properties_of(
    schema: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Give every property of a schema, those of its definitions too, with where it stands."""
    for name, member in schema.get("properties", {}).items():
        yield (*path, name), member
    for name, definition in schema.get("$defs", {}).items():
        yield from properties_of(definition, (*path, name))


def assert_accepted(readings: Sequence[FieldReadings], poll: Poll) -> None:
    body = encode_measurements(BatchHeader(boot_id=1, sequence=1), readings)
    batch = decode_measurements(body, "dev-1", poll.end_us)
    assert isinstance(batch, MeasurementBatch)
    assert sum(len(item.values) for item in readings) == batch.reading_count
