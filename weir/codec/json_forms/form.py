"""What the JSON forms share: strict models, and the errors that protobuf decoders raise too."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weir.codec.json_text import parse_json
from weir.errors import DecodeError, ImplausibleReadingError, InvalidMessageError, OversizeError
from weir.model.limits import MESSAGE_BYTES_MAX

F = TypeVar("F", bound="Form")

#: A message of pydantic names a key, which may be as long as the body.
_ERROR_LENGTH_MAX = 200

#: What pydantic calls the crossing of a bound. Anything else is a wrong shape.
_ERRORS: dict[str, type[InvalidMessageError]] = {
    "too_long": OversizeError,
    "string_too_long": OversizeError,
    "greater_than_equal": ImplausibleReadingError,
    "less_than_equal": ImplausibleReadingError,
    "less_than": ImplausibleReadingError,
    "finite_number": ImplausibleReadingError,
    "string_pattern_mismatch": ImplausibleReadingError,
}


#: As large as `uint32` in the protobuf messages.
BootId = Annotated[
    int,
    Field(ge=0, le=2**32 - 1, description="Changes at every start of the device; 0: none."),
]


class Form(BaseModel):
    """A JSON object without unknown keys, whose values are taken as they are, never converted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Envelope(Form):
    """What every message of a device may say about itself."""

    serial: str = Field(default="", description="The device's serial, checked against the topic.")
    boot_id: BootId = 0


def parse_body(body: bytes) -> Any:
    """Read a body as JSON.

    Raises:
        OversizeError: more than `MESSAGE_BYTES_MAX` bytes.
        DecodeError: not JSON, or ambiguous JSON.
        ImplausibleReadingError: a number that cannot be.
    """
    if len(body) > MESSAGE_BYTES_MAX:
        raise OversizeError(f"{len(body)} bytes, at most {MESSAGE_BYTES_MAX} are allowed")
    return parse_json(body)


def take_form(form: type[F], value: Any) -> F:
    """Take parsed JSON as a form.

    Raises:
        DecodeError: it has another shape.
        OversizeError: a list or a text that is too long.
        ImplausibleReadingError: a number or a name out of bounds.
    """
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise _translated(error) from error


def _translated(error: ValidationError) -> InvalidMessageError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(key) for key in first["loc"])
    what = f"{where}: {first['msg']}" if where else first["msg"]
    return _ERRORS.get(first["type"], DecodeError)(what[:_ERROR_LENGTH_MAX])
