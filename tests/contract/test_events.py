"""What every domain event promises: a schema, examples of every version, and that these decode."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from weir.events.catalogue import catalogue
from weir.events.export import ENVELOPE, exported_schemas
from weir.paths import SCHEMAS

FOLDER = SCHEMAS / "json" / "events"
#: `<type>.v<version>.json`, and where an event has several shapes `<type>.v<version>.<which>.json`.
EXAMPLES = sorted((FOLDER / "examples").glob("*.json"))
EVENTS = catalogue().events

every_event = pytest.mark.parametrize("name", sorted(EVENTS))
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


def named(example: Path) -> tuple[str, int]:
    type_, version, *_ = example.stem.split(".")
    return type_, int(version.removeprefix("v"))


def content(example: Path) -> Any:
    return json.loads(example.read_text("utf-8"))


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((FOLDER / f"{name}.json").read_text("utf-8")))


@every_example
def test_an_example_of_whatever_version_decodes(example: Path) -> None:
    event = catalogue().decode(*named(example), content(example))

    assert event.type == named(example)[0]
    schema(event.type).validate(event.model_dump(mode="json"))


@every_example
def test_an_example_of_the_newest_version_fits_its_schema_and_is_stored_as_it_is(
    example: Path,
) -> None:
    type_, version = named(example)
    if version == EVENTS[type_].version:
        schema(type_).validate(content(example))
        stored = catalogue().decode(type_, version, content(example)).model_dump(mode="json")
        assert content(example).items() <= stored.items()


@every_event
def test_there_is_an_example_of_every_version(name: str) -> None:
    versions = {version for type_, version in map(named, EXAMPLES) if type_ == name}

    assert versions == set(range(1, EVENTS[name].version + 1))


@every_event
def test_its_name_is_a_word_in_the_past_that_fits_a_routing_key(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    assert name == EVENTS[name].type


@every_event
def test_it_says_what_has_happened(name: str) -> None:
    assert (EVENTS[name].__doc__ or "").partition("\n")[0].endswith((".", ":", ","))


def test_every_example_is_one_of_an_event() -> None:
    assert {named(example)[0] for example in EXAMPLES} == set(EVENTS)


def test_the_schemas_are_what_the_models_say() -> None:
    stored = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert exported_schemas() == stored, "run `make docs`"


@pytest.mark.parametrize("name", [*sorted(EVENTS), ENVELOPE])
def test_a_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(schema(name).schema)
