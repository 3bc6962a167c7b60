"""Which members of an answer are fields: paths, units, scales."""

from typing import Any

import pytest
from pydantic import ValidationError

from producers.drivers._answers import load
from producers.drivers._mapping import FieldMap, MappedField
from weir.errors import ConfigError, DecodeError
from weir.model.announcement import FieldDescription, Kind

ANSWER = {"meters": [{"w": "120.5", "on": True}, {"w": 3}], "name": "shed", "soc": 0.5}


def values(**fields: dict[str, Any]) -> dict[str, Any]:
    mapped = {name: MappedField.model_validate(field) for name, field in fields.items()}
    return FieldMap("http_json", mapped).values(ANSWER)


def test_paths_units_and_scales_make_fields() -> None:
    assert {"power": 120.5, "soc": 51.0, "on": True, "name": "shed"} == values(
        power={"path": "$.meters[0].w"},
        soc={"scale": 100, "offset": 1},
        on={"path": "$['meters'][?@.on == true].on"},
        name={},
    )


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"path": "$.nothing"}, "x: not in the answer"),
        ({}, "x: not in the answer"),
        ({"path": "$.meters[*].w"}, "its path gives 2 values"),
        ({"path": "$.meters"}, "not one value"),
        ({"path": "$.name", "scale": 2}, "not a number"),
        ({"path": "$.meters[0].on", "offset": 1}, "not a number"),
    ],
)
def test_what_is_not_as_configured_is_an_error(field: dict[str, Any], said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        values(x=field)


@pytest.mark.parametrize(
    ("value", "scale", "offset", "scaled"),
    [
        (234, 0.1, 0.0, 23.4),
        (234, -0.1, 0.0, -23.4),
        (203_112, 1 / 60, 0.0, 3_385.2),
        (7, 0.3, 0.0, 7 * 0.3),
        (7, 10.0, 1.0, 71.0),
        (7, 0.0, 1.0, 1.0),
        (7, 1.0, 0.0, 7),
        (7, 1e-12, 0.0, 7e-12),
        (7, 5e-324, 0.0, 3.5e-323),
    ],
)
def test_a_scaled_number_is_the_nearest_there_is(
    value: float, scale: float, offset: float, scaled: float
) -> None:
    assert scaled == MappedField(scale=scale, offset=offset).scaled(value, "x")


def test_an_optional_field_may_be_missing() -> None:
    assert {} == values(x={"path": "$.nothing", "presence": "optional"})


def test_a_wrong_path_is_told_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"'\$\.\[' is no JSONPath"):
        values(x={"path": "$.["})


def test_a_field_is_described_as_configured() -> None:
    field = MappedField(unit="kW.h", kind=Kind.TOTAL_INCREASING)
    expected = FieldDescription("energy", "kW.h", "energy", Kind.TOTAL_INCREASING)
    assert (expected,) == FieldMap("exec", {"energy": field}).descriptions


def test_without_fields_what_is_answered_is_described() -> None:
    fields = FieldMap("exec", {})
    assert not fields.descriptions
    fields.values({"a": {"b": 1}})
    assert ("a.b",) == tuple(field.name for field in fields.descriptions)


@pytest.mark.parametrize("scale", [float("inf"), float("nan"), 1e13])
def test_a_scale_has_a_bound(scale: float) -> None:
    with pytest.raises(ValidationError):
        MappedField(scale=scale)


def test_a_missing_library_is_named_with_what_installs_it() -> None:
    with pytest.raises(
        ConfigError, match=r"driver x needs 'no_such'.*pip install 'weir\[drivers\]'"
    ):
        load("x", "no_such.module", "drivers")
