"""Values in JSON: numbers, truth values and texts, and how they become columns."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

from weir.errors import DecodeError, ImplausibleReadingError
from weir.model.limits import (
    FIELD_COUNT_MAX,
    FIELD_NAME_PATTERN,
    INTEGER_MAGNITUDE_MAX,
    READING_COUNT_MAX,
    TEXT_LENGTH_MAX,
    UNIT_LENGTH_MAX,
)
from weir.telemetry.v1.measurement_pb2 import Field as WireField

Scalar: TypeAlias = float | int | bool | str

VALUE_SCHEMA = {
    "description": "A number (integers up to 2^53 in magnitude), true or false, or a text.",
    "anyOf": [
        {"type": "number"},
        {"type": "boolean"},
        {"type": "string", "maxLength": TEXT_LENGTH_MAX},
    ],
}
_SCALAR_TYPES = (float, int, bool, str)


def column_kind(value: Scalar) -> type:
    """Tell what may share a column: numbers with numbers, truth values, texts."""
    return float if type(value) is int else type(value)


def fill_values(field: WireField, values: Sequence[Scalar]) -> None:
    """Put values into the column of their type.

    Raises:
        DecodeError: values of several types.
        ImplausibleReadingError: an integer beyond 2^53.
    """
    kinds = set(map(type, values))
    if kinds == {str}:
        field.texts.values.extend([str(value) for value in values])
    elif kinds == {bool}:
        field.bools.values.extend([bool(value) for value in values])
    elif kinds <= {int, float}:
        integers = [value for value in values if type(value) is int]
        if integers and max(map(abs, integers)) > INTEGER_MAGNITUDE_MAX:
            raise ImplausibleReadingError(
                f"{field.name}: an integer beyond 2^53, which doubles round"
            )
        if len(integers) == len(values):
            field.integers.values.extend(integers)
        else:
            field.doubles.values.extend([float(value) for value in values])
    else:
        raise DecodeError(f"{field.name}: values of several types, or of none that is known")


def _check_scalar(value: Any) -> Any:
    if not isinstance(value, _SCALAR_TYPES):
        raise DecodeError("a value that is no number, truth value or text")
    return value


def _check_scalars(values: dict[str, Any]) -> dict[str, Any]:
    for value in values.values():
        _check_scalar(value)
    return values


FieldName = Annotated[
    str,
    Field(
        pattern=f"^{FIELD_NAME_PATTERN}$",
        description="Names what is measured, such as `temperature` or `inverter/dc.power`.",
    ),
]
Unit = Annotated[
    str,
    Field(
        max_length=UNIT_LENGTH_MAX,
        description="The unit (UCUM where it has one: `Cel`, `kW.h`, `m/s2`); empty: as announced.",
    ),
]
Value = Annotated[Any, AfterValidator(_check_scalar), WithJsonSchema(VALUE_SCHEMA)]
#: Checked as a whole when the column is filled: a call for each value would cost more than reading.
Values = Annotated[
    list[Any],
    Field(min_length=1, max_length=READING_COUNT_MAX),
    WithJsonSchema(
        {
            "description": "One value for each instant, all of one type.",
            "type": "array",
            "minItems": 1,
            "maxItems": READING_COUNT_MAX,
            "anyOf": [
                {"items": {"type": "number"}},
                {"items": {"type": "boolean"}},
                {"items": {"type": "string", "maxLength": TEXT_LENGTH_MAX}},
            ],
        }
    ),
]
ValuesByField = Annotated[
    dict[str, Any],
    Field(min_length=1, max_length=FIELD_COUNT_MAX),
    AfterValidator(_check_scalars),
    WithJsonSchema(
        {
            "description": "The value of each field.",
            "type": "object",
            "propertyNames": {"pattern": f"^{FIELD_NAME_PATTERN}$"},
            "additionalProperties": VALUE_SCHEMA,
            "minProperties": 1,
            "maxProperties": FIELD_COUNT_MAX,
        }
    ),
]
