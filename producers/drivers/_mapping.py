"""Which members of a JSON answer are fields, and what they mean: paths, units, scales.

Paths are JSONPath as in RFC 9535; a field without one is the member of its own dotted name.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from producers.drivers._answers import load
from producers.drivers._values import checked, flatten, value_of
from weir.codec.encode import Value
from weir.errors import ConfigError, DecodeError
from weir.model.announcement import FieldDescription, Kind
from weir.model.limits import (
    DESCRIPTION_LENGTH_MAX,
    FIELD_COUNT_MAX,
    FIELD_NAME_PATTERN,
    UNIT_LENGTH_MAX,
)

PATH_LENGTH_MAX = 500
SCALE_MAX = 1e12

FieldName = Annotated[str, StringConstraints(pattern=f"^{FIELD_NAME_PATTERN}$")]


class FieldMeaning(BaseModel):
    """What a field is, beside its value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = Field("", max_length=UNIT_LENGTH_MAX, description="UCUM, such as kW.h or Cel")
    description: str = Field("", max_length=DESCRIPTION_LENGTH_MAX, description="for people")
    kind: Kind = Field(Kind.GAUGE, description="what its numbers mean over time")
    scale: float = Field(
        1.0, ge=-SCALE_MAX, le=SCALE_MAX, description="numbers are multiplied by this"
    )
    offset: float = Field(
        0.0, ge=-SCALE_MAX, le=SCALE_MAX, description="added after that, in the field's unit"
    )

    def described(self, name: str) -> FieldDescription:
        """Give what is announced of the field."""
        return FieldDescription(name, self.unit, self.description or name, self.kind)

    def scaled(self, value: Value, name: str) -> Value:
        """Give the value in the field's unit; what is not scaled keeps its type.

        Raises:
            DecodeError: a text or a boolean that is to be scaled, or no finite result.
        """
        if self.scale == 1.0 and self.offset == 0.0:
            return value
        if isinstance(value, bool | str):
            raise DecodeError(f"{name}: {value!r} is not a number, and has a scale or an offset")
        return checked(_times(value, self.scale) + self.offset, name)


def _times(value: float, scale: float) -> float:
    # 234 tenths are 23.4, but 234 * 0.1 is 23.400000000000002: longer to send, and ugly to see.
    divisor = round(1.0 / scale) if 1.0 / SCALE_MAX <= abs(scale) < 1.0 else 0
    return value / divisor if divisor and 1.0 / divisor == scale else value * scale


class MappedField(FieldMeaning):
    """A field, and where in the answer it is."""

    path: str | None = Field(
        None,
        max_length=PATH_LENGTH_MAX,
        description="JSONPath (RFC 9535) to one value; absent: the member of the field's name",
    )
    presence: Literal["required", "optional"] = Field(
        "required", description="whether an answer without it is wrong"
    )


Fields = Annotated[
    dict[FieldName, MappedField],
    Field(max_length=FIELD_COUNT_MAX, description="fields by name; none: all that is answered"),
]


class FieldMap:
    """The fields of one configuration, ready to be found.

    Raises:
        ConfigError: a path that is none.
    """

    def __init__(self, driver: str, fields: Mapping[str, MappedField]) -> None:
        self._fields = fields
        self._finders = {
            name: _finder(driver, field.path)
            for name, field in fields.items()
            if field.path is not None
        }
        self._needs_names = len(self._finders) < len(fields)
        self._seen: dict[str, FieldDescription] = {}

    @property
    def descriptions(self) -> tuple[FieldDescription, ...]:
        """The fields as configured; without any, those that were answered until now."""
        if not self._fields:
            return tuple(self._seen.values())
        return tuple(field.described(name) for name, field in self._fields.items())

    def values(self, document: Any) -> dict[str, Value]:
        """Take the fields' values out of an answer.

        Raises:
            DecodeError: a field that is not there, is there twice, or has no value.
        """
        if not self._fields:
            values = flatten(document)
            for name in values:
                self._seen.setdefault(name, FieldDescription(name, description=name))
            return values
        by_name = flatten(document) if self._needs_names else {}
        found: dict[str, Value] = {}
        for name, field in self._fields.items():
            value = self._find(name, document) if name in self._finders else by_name.get(name)
            if value is not None:
                found[name] = field.scaled(value, name)
            elif field.presence == "required":
                raise DecodeError(f"{name}: not in the answer")
        return found

    def _find(self, name: str, document: Any) -> Value | None:
        matches = self._finders[name](document)
        if len(matches) > 1:
            raise DecodeError(f"{name}: its path gives {len(matches)} values, not one")
        return value_of(matches[0], name) if matches else None


def _finder(driver: str, path: str) -> Callable[[Any], list[Any]]:
    jsonpath = load(driver, "jsonpath", "drivers")
    try:
        compiled = jsonpath.compile(path, strict=True)
    except jsonpath.JSONPathError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{path!r} is no JSONPath (RFC 9535): {reason}") from error

    def find(document: Any) -> list[Any]:
        try:
            return list(compiled.findall(document))
        except jsonpath.JSONPathError as error:
            raise DecodeError(f"{path}: {error}") from error

    return find
