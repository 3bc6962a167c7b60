"""What every driver promises, tried on all that are found; a new one gets these tests for free."""

import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from producers.agent.configuration import document_class
from tests.contract.driver_cases import CASES, DRIVERS, case_name, loaded, make
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.codec.json_text import compact_json
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.codec.registry import decode_announcement, encode_announcement
from weir.driver import Poll
from weir.errors import CommandRefusedError, ConfigError, DecodeError, DeviceUnavailableError
from weir.model.announcement import Announcement
from weir.model.capabilities import Capabilities
from weir.model.limits import COMMAND_NAME_PATTERN, ERROR_LENGTH_MAX, SCHEMA_BYTES_MAX

every_driver = pytest.mark.parametrize("name", DRIVERS)
every_case = pytest.mark.parametrize("case", CASES, ids=case_name)

#: What a link, or a program of somebody else, makes of an answer.
SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "first half": lambda answer: answer[: len(answer) // 2],
    "without its last byte": lambda answer: answer[:-1].rstrip()[:-1],
    "noise": lambda answer: random.Random(7).randbytes(len(answer) or 1),
    "noise in it": lambda answer: answer[: len(answer) // 3] + b"\xff\x00\xfe" + answer[5:],
    "not a number": lambda answer: re.sub(rb"[0-9]", b"x", answer),
    "huge numbers": lambda answer: re.sub(rb"[0-9]+", b"9" * 400, answer),
    "blank lines": lambda answer: b" \n\n" + answer.replace(b"\n", b"\n \n"),
    "blanks": lambda answer: b" " * len(answer),
    "twice": lambda answer: answer + answer,
    "an error page": lambda _: b"<html><body>502 Bad Gateway</body></html>",
    "deep": lambda _: b"[" * 100_000,
}


@every_driver
def test_a_driver_explains_itself(name: str) -> None:
    driver_class = DRIVERS[name]
    assert driver_class.__doc__
    assert driver_class.model
    for field_name, field in driver_class.configuration_class.model_fields.items():
        assert field.description or field.metadata, field_name


@every_driver
def test_a_driver_has_a_golden_case(name: str) -> None:
    assert [case for case in CASES if case.parent.parent.name == name]


@every_driver
def test_its_configuration_can_be_shown_as_a_form(name: str) -> None:
    schema = DRIVERS[name].configuration_class.model_json_schema()
    assert len(compact_json(schema).encode()) <= SCHEMA_BYTES_MAX
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [] == [
        ".".join(path) for path, member in properties_of(schema) if "description" not in member
    ]


@every_driver
def test_what_its_devices_declare_of_it_is_accepted(name: str) -> None:
    schema = document_class(DRIVERS[name].configuration_class).model_json_schema()
    capabilities = Capabilities(configuration_schema=schema)
    announcement = Announcement("pump-1", "", "", (), capabilities=capabilities)

    decoded = decode_announcement(encode_announcement(announcement), "pump-1")

    assert schema == decoded.capabilities.configuration_schema


@every_driver
def test_every_text_list_and_number_of_its_configuration_is_bounded(name: str) -> None:
    schema = DRIVERS[name].configuration_class.model_json_schema()
    assert [] == [
        f"{'.'.join(path)}: {unbounded}"
        for path, member in properties_of(schema)
        for unbounded in unbounded_in(member)
    ]


@every_driver
def test_an_unknown_key_in_its_configuration_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        DRIVERS[name].configuration_class.model_validate({"no_such_key": 1})


@every_case
def test_it_can_be_made_without_a_device_and_without_a_loop(case: Path) -> None:
    # As `iotctl edge check` does.
    assert make(case, case.parent, port=1).fields is not None


@every_case
async def test_what_it_measures_can_be_announced(case: Path) -> None:
    async with loaded(case) as it:
        await it.read()
        driver = it.driver
        announcement = Announcement(
            "dev-1", driver.model, "1", driver.fields, driver.sample_rate_hz, boot_id=1
        )
        assert announcement == decode_announcement(encode_announcement(announcement), "dev-1")
        assert all(field.description for field in driver.fields)


@every_case
async def test_its_commands_are_described_and_carried_out_or_refused(case: Path) -> None:
    async with loaded(case) as it:
        names = [command.name for command in it.driver.commands]
        assert len(names) == len(set(names))
        for command in it.driver.commands:
            assert re.fullmatch(COMMAND_NAME_PATTERN, command.name)
            assert command.description
            schema = command.parameters_schema
            assert "object" == schema["type"], command.name
            jsonschema.Draft202012Validator.check_schema(schema)
            assert len(compact_json(schema).encode()) <= SCHEMA_BYTES_MAX
            with pytest.raises((CommandRefusedError, DeviceUnavailableError)):
                await it.driver.act(command.name, {"no such parameter": 1})
        with pytest.raises(CommandRefusedError):
            await it.driver.act("no_such_command", {})


@every_case
async def test_what_can_be_written_is_measured_and_the_command_is_there(case: Path) -> None:
    async with loaded(case) as it:
        driver = it.driver
        assert set(driver.writable) <= {field.name for field in driver.fields}
        assert bool(driver.writable) == ("set" in {command.name for command in driver.commands})


@every_case
async def test_a_golden_case_gives_the_recorded_readings(case: Path) -> None:
    async with loaded(case) as it:
        polled = await it.read()
        expected = it.expected
    assert [item["field"] for item in expected["readings"]] == [
        item.name for item in polled.readings
    ]
    for wanted, given in zip(expected["readings"], polled.readings, strict=True):
        assert wanted["observed_at_us"] == list(given.observed_at_us)
        assert [type(value) for value in wanted["values"]] == [type(v) for v in given.values]
        if isinstance(given.values[0], str | bool):
            assert wanted["values"] == list(given.values)
        else:
            assert list(given.values) == pytest.approx(wanted["values"], abs=1e-9)
    assert expected.get("events", []) == [
        [event.observed_at_us, event.type, event.data] for event in polled.events
    ]
    for place, location in zip(expected.get("locations", []), polled.locations, strict=True):
        for key, value in place.items():
            assert getattr(location, key) == pytest.approx(value, abs=1e-9), key


@every_case
async def test_readings_are_declared_in_the_poll_in_order_and_accepted(case: Path) -> None:
    async with loaded(case) as it:
        readings = (await it.read()).readings
        names = [item.name for item in readings]
        assert len(names) == len(set(names))
        assert set(names) <= {field.name for field in it.driver.fields}
    for item in readings:
        times = list(item.observed_at_us)
        assert sorted(set(times)) == times
        assert it.poll.start_us <= times[0]
        assert times[-1] <= it.poll.end_us
    if readings:
        assert_accepted(readings, it.poll)


@every_case
async def test_the_same_seed_gives_the_same_readings(case: Path) -> None:
    async with loaded(case) as one:
        first = await one.read()
    async with loaded(case) as other:
        assert first == await other.read()


@every_case
@pytest.mark.parametrize("how", SPOILED)
async def test_a_wrong_answer_is_an_error_that_names_it_and_never_a_crash(
    case: Path, how: str, tmp_path: Path
) -> None:
    answers = [file for file in case.parent.rglob("*") if file.is_file() and file != case]
    for index, spoiled in enumerate(answers):
        folder = tmp_path / str(index)
        shutil.copytree(case.parent, folder)
        target = folder / spoiled.relative_to(case.parent)
        target.write_bytes(SPOILED[how](spoiled.read_bytes()))
        said = "what could still be read"
        try:
            async with loaded(case, folder) as it:
                polled = await it.read()
                if polled.readings:
                    assert_accepted(polled.readings, it.poll)
        except (DecodeError, DeviceUnavailableError, ConfigError) as error:
            said = str(error)
        assert 0 < len(said) <= ERROR_LENGTH_MAX


def properties_of(
    schema: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Give every property of a schema, those of its definitions too, with where it stands."""
    for name, member in schema.get("properties", {}).items():
        yield (*path, name), member
    for name, definition in schema.get("$defs", {}).items():
        yield from properties_of(definition, (*path, name))


def unbounded_in(member: dict[str, Any]) -> Iterator[str]:
    """Name what in the schema of a property has no bound."""
    kind = member.get("type")
    is_chosen = "enum" in member or "const" in member
    if kind == "array" and "maxItems" not in member:
        yield "list"
    if kind == "object" and "additionalProperties" in member and "maxProperties" not in member:
        yield "object"
    if kind in {"number", "integer"} and not member.keys() & {"maximum", "exclusiveMaximum"}:
        yield "number"
    if kind == "string" and not is_chosen and not member.keys() & {"maxLength", "pattern"}:
        yield "string"
    for inner in (*member.get("anyOf", ()), *member.get("oneOf", ())):
        yield from unbounded_in(inner)


def assert_accepted(readings: Sequence[FieldReadings], poll: Poll) -> None:
    body = encode_measurements(BatchHeader(boot_id=1, sequence=1), readings)
    batch = decode_measurements(body, "dev-1", poll.end_us)
    assert isinstance(batch, MeasurementBatch)
    assert sum(len(item.values) for item in readings) == batch.reading_count
