"""Documents are checked by schemas that may be broken, or meant to do harm."""

import time
from typing import Any

import pytest

from weir.declared_schema import PROBLEM_COUNT_MAX, SchemaProblem, problems_of
from weir.model.built_in_commands import BUILT_IN, built_in

LIMITS = {
    "type": "object",
    "properties": {
        "mode": {"enum": ["fast", "slow"]},
        "levels": {
            "type": "array",
            "items": {"type": "object", "properties": {"high": {"type": "number", "maximum": 9}}},
        },
    },
    "required": ["mode"],
    "additionalProperties": False,
}


def told(document: object, schema: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in problems_of(document, schema)]


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ({"mode": "fast"}, []),
        ({"mode": "fast", "levels": [{"high": 9}, {}]}, []),
        ({}, ["mode: is missing"]),
        ({"mode": "flat"}, ['mode: must be one of "fast", "slow", not "flat"']),
        (
            {"mode": "slow", "levels": [{}, {"high": 10}]},
            ["levels[1].high: must be at most 9, not 10"],
        ),
        (
            {"mode": "slow", "levels": [{"high": "9"}]},
            ['levels[0].high: must be a number, not "9"'],
        ),
        (
            {"mode": "slow", "levles": 1, "x": 2},
            [
                "levles: is not known; there is: levels, mode",
                "x: is not known; there is: levels, mode",
            ],
        ),
        ([], ["must be an object, not []"]),
    ],
)
def test_what_is_wrong_is_named_with_its_place(document: object, problems: list[str]) -> None:
    assert problems == told(document, LIMITS)


@pytest.mark.parametrize(
    ("command", "parameters", "problems"),
    [
        ("ping", {}, []),
        ("ping", {"loud": True}, ["loud: is not known; nothing is"]),
        ("change_sample_frequency", {"frequency_hz": 0.5}, []),
        ("change_sample_frequency", {}, ["frequency_hz: is missing"]),
        (
            "change_sample_frequency",
            {"frequency_hz": 0},
            ["frequency_hz: must be greater than 0, not 0"],
        ),
        (
            "change_sample_frequency",
            {"frequency_hz": True},
            ["frequency_hz: must be a number, not true"],
        ),
        ("sleep", {}, []),
        ("sleep", {"duration_s": None}, []),
        ("sleep", {"duration_s": -1}, ["duration_s: must be greater than 0, not -1"]),
        ("set", {"field": "valve", "value": "open"}, []),
        ("set", {"field": "valve"}, ["value: is missing"]),
    ],
)
def test_parameters_of_the_built_in_commands_are_checked(
    command: str, parameters: dict[str, Any], problems: list[str]
) -> None:
    assert problems == told(parameters, dict(built_in(command).parameters_schema))


@pytest.mark.parametrize("command", BUILT_IN)
def test_the_schema_of_every_built_in_command_can_be_used(command: str) -> None:
    found = told([], dict(built_in(command).parameters_schema))

    assert ["must be an object, not []"] == found


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 40 + "!"),
        ({"patternProperties": {"^(a+)+$": False}}, {"a" * 40 + "!": 1}),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"a": 1}),
        ({"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False}, {"a" * 40: 1}),
        ({"format": "regex"}, "("),
        ({"properties": {"pattern": {"type": "string"}}}, {"pattern": "("}),
    ],
)
def test_regular_expressions_are_passed_over(schema: dict[str, Any], document: object) -> None:
    assert [] == told(document, schema)


def test_a_part_that_names_a_dialect_does_not_bring_regular_expressions_back() -> None:
    dialect = "https://json-schema.org/draft/2020-12/schema"
    evil = {"$schema": dialect, "pattern": "^(a+)+$"}
    schema = {"$schema": dialect, "$defs": {"a": evil}, "items": {"$ref": "#/$defs/a"}}

    assert [] == told(["a" * 40 + "!"], schema)


def doubling(level_count: int) -> dict[str, Any]:
    """A schema whose check takes 2^level_count steps."""
    twice: dict[str, Any] = {
        str(level): {"allOf": [{"$ref": f"#/$defs/{level + 1}"}] * 2}
        for level in range(level_count)
    }
    return {"$defs": {**twice, str(level_count): {}}, "$ref": "#/$defs/0"}


@pytest.mark.parametrize(
    ("schema", "document", "reason"),
    [
        ({"type": "number or so"}, 1, "type: 'number or so' is not valid"),
        ({"properties": {"a": 5}}, {}, "properties.a: 5 is not of type"),
        ({"multipleOf": 0}, 1, "multipleOf: 0 is less than or equal to the minimum of 0"),
        ({"$ref": "#/$defs/nowhere"}, 1, "it refers to '/$defs/nowhere', which is not in it"),
        ({"$ref": "https://example.org/schema"}, 1, "it refers to 'https://example.org/schema'"),
        ({"$ref": "#"}, 1, "it refers to itself without an end"),
        ({"enum": [{"multipleOf": 0}], "not": {"$ref": "#/enum/0"}}, 1, "ZeroDivisionError"),
        (doubling(40), 1, "checking the document with it takes too long"),
        ({"items": {"enum": list(range(2_000))}}, [0] * 8_000, "takes too long"),
    ],
)
def test_a_schema_that_cannot_be_used_lets_nothing_pass(
    schema: dict[str, Any], document: object, reason: str
) -> None:
    found = told(document, schema)

    assert 1 == len(found)
    assert found[0].startswith("the schema that the device declares is unusable: ")
    assert reason in found[0]


def test_a_schema_that_works_without_an_end_is_given_up_soon() -> None:
    began_s = time.monotonic()

    told(1, doubling(60))

    assert time.monotonic() - began_s < 20  # A second, on a machine of its own.


def test_a_large_configuration_is_within_the_bounds_of_the_work() -> None:
    level = {"type": "object", "properties": {"high": {"type": "number"}}, "required": ["high"]}
    levels = {"type": "array", "items": {"$ref": "#/$defs/level"}}
    schema = {"$defs": {"level": level}, "properties": {"levels": levels}}

    assert [] == told({"levels": [{"high": 1}] * 6_000}, schema)


def test_only_the_first_problems_are_told() -> None:
    found = problems_of([1] * 100, {"items": {"type": "string"}})

    assert PROBLEM_COUNT_MAX == len(found)
    assert SchemaProblem("[0]", "must be a text, not 1") == found[0]


def test_messages_stay_short_whatever_is_in_the_document() -> None:
    (problem,) = problems_of({"a" * 1_000: "b" * 1_000}, {"additionalProperties": {"type": "null"}})

    assert len(str(problem)) < 500


@pytest.mark.parametrize(
    ("document", "is_unique"),
    [
        ([1, 2], True),
        ([1, 1.0], False),
        ([1, True], True),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
        (["1", 1], True),
    ],
)
def test_elements_are_compared_as_json_schema_says(document: object, is_unique: bool) -> None:
    assert is_unique == (told(document, {"uniqueItems": True}) == [])
