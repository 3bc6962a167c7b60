"""Check the parameters of a command by the model that describes them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from weir.errors import CommandRefusedError

P = TypeVar("P", bound=BaseModel)


def parse(model: type[P], parameters: Mapping[str, Any]) -> P:
    """Read the parameters of a command.

    Raises:
        CommandRefusedError: they do not fit; each wrong one is named.
    """
    try:
        return model.model_validate(dict(parameters))
    except ValidationError as error:
        raise CommandRefusedError(explain(error)) from error


def explain(error: ValidationError) -> str:
    """Say in one line which keys are wrong, and why; what they hold is not repeated."""
    return "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'document'}: {detail['msg']}"
        for detail in error.errors(include_url=False, include_input=False)
    )
