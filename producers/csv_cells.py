"""What the cells of a CSV file mean: times, numbers, and headers with units. Pure."""

import re
from datetime import datetime, tzinfo
from decimal import Decimal

from weir.clock import to_us
from weir.model.limits import INTEGER_MAGNITUDE_MAX, UNIT_LENGTH_MAX

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
#: `GHI (W/m^2)` and `power [kW]` have a unit; the brackets of `phase[1]` are an index.
_WITH_UNIT = re.compile(r"(?P<name>.+?)\s*(\((?P<round>[^()]*)\)|\[(?P<square>\D[^\[\]]*)\])")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_\-./:\[\]]+")
_NAME_LENGTH_MAX = 200

#: Bare numbers below the first bound are seconds, then milliseconds, microseconds, nanoseconds.
#: Each bound is the year 5138 in its own unit and 1973 in the next finer one.
_EPOCH_UNITS = (
    (10**11, Decimal(1_000_000)),
    (10**14, Decimal(1_000)),
    (10**17, Decimal(1)),
    (10**20, Decimal("0.001")),
)


def parse_time(text: str, time_format: str | None, zone: tzinfo) -> int:
    """Give an instant as microseconds since 1970-01-01 UTC.

    Without `time_format` the text is ISO 8601, or a number since 1970 whose unit its size tells.
    `zone` counts for times that name none.

    Raises:
        ValueError: not a time.
    """
    if time_format is None and NUMBER.fullmatch(text):
        return _epoch_us(Decimal(text))
    instant = (
        datetime.fromisoformat(text)
        if time_format is None
        else datetime.strptime(text, time_format)  # noqa: DTZ007 - the zone comes next
    )
    return to_us(instant if instant.tzinfo else instant.replace(tzinfo=zone))


def parse_number(text: str) -> int | float:
    """Give a number, as an integer where it is written as one.

    Raises:
        ValueError: not a number, or one that no double is exactly or can hold.
    """
    if _INTEGER.fullmatch(text):
        number = int(text)
        if abs(number) > INTEGER_MAGNITUDE_MAX:
            raise ValueError(f"{text} is beyond 2^53, where doubles round")
        return number
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a number")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is beyond what a double holds")
    return value


def field_and_unit(header: str) -> tuple[str, str]:
    """Make a field name and a unit of a header: `GHI (W/m^2)` gives `GHI` and `W/m^2`.

    Raises:
        ValueError: nothing is left for a name.
    """
    name, unit = header.strip(), ""
    match = _WITH_UNIT.fullmatch(name)
    if match:
        name = match["name"]
        unit = (match["round"] or match["square"] or "").strip()
    name = _NOT_IN_NAMES.sub("_", name).strip("_")[:_NAME_LENGTH_MAX]
    if not name:
        raise ValueError(f"{header!r} gives no field name")
    return name, unit[:UNIT_LENGTH_MAX]


def _epoch_us(number: Decimal) -> int:
    for bound, factor in _EPOCH_UNITS:
        if abs(number) < bound:
            return int((number * factor).to_integral_value())
    raise ValueError(f"{number} is no time in any unit")
