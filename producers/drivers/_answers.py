"""What drivers have in common: errors that quote the answer, readings of one instant, extras."""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

from weir.codec.encode import FieldReadings, Value
from weir.driver import Poll
from weir.errors import ConfigError, DecodeError

#: An answer is quoted up to here; its length is always told.
QUOTED_BYTES_MAX = 200
#: What any device may answer at once.
ANSWER_BYTES_MAX = 1024 * 1024


@contextmanager
def quoting(answer: bytes) -> Iterator[None]:
    """Let a `DecodeError` say what the device had answered, in bytes.

    Raises:
        DecodeError: what the block raised, with the answer.
    """
    try:
        yield
    except DecodeError as error:
        raise undecodable(str(error), answer) from error


def undecodable(problem: str, answer: bytes) -> DecodeError:
    """Make the error of an answer that is not understood; quotes its beginning."""
    more = "" if len(answer) <= QUOTED_BYTES_MAX else ", of which these are the first"
    quoted = answer[:QUOTED_BYTES_MAX]
    return DecodeError(f"{problem}; the answer has {len(answer)} bytes{more}: {quoted!r}")


def at_present(poll: Poll, values: Mapping[str, Value]) -> list[FieldReadings]:
    """Give one reading of each value, taken now: at the end of the poll."""
    return [FieldReadings(name, [poll.end_us], [value]) for name, value in values.items()]


def load(driver: str, module: str, extra: str) -> ModuleType:
    """Import the library that a driver needs; only when it is used.

    Raises:
        ConfigError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise ConfigError(
            f"driver {driver} needs {package!r}, which is not installed: "
            f"pip install 'weir[{extra}]'"
        ) from error
