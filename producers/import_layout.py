"""What the columns of a file with readings mean: a row for each reading, or columns for fields.

Long form: columns `time`, `field`, `value`, and `unit` where there is one. Wide form: `time`, and
the readings of a field under its name, with a unit if it has one: `power (kW)`. In both, the device
is in a column `serial`, or the same for the whole file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from producers.csv_cells import field_and_unit
from producers.csv_lines import MISSING
from weir.errors import ConfigError

#: What may be mapped in long form; the others in wide form are names of fields.
TIME, SERIAL, FIELD, VALUE, UNIT = "time", "serial", "field", "value", "unit"
_MEANINGS = (TIME, SERIAL, FIELD, VALUE, UNIT)
#: Names of the column of times, where it is not mapped; the second is that of our own exports.
_TIME_COLUMNS = (TIME, "observed_at", "timestamp")
#: What a file of refused rows has before its own columns; passed over when it is imported again.
REJECTED_COLUMNS = ("rejected_row", "rejected_column", "rejected_reason")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What somebody says about a file.

    Attributes:
        serial: the device of all rows; None: a column tells it.
        columns: the column of each meaning, or of a field in wide form.
        only: in wide form, the columns to import; empty: all.
        texts: fields whose values are texts.
        zone: of times that name none.
        time_format: as `datetime.strptime` takes it; None: ISO 8601, or a number since 1970.
        missing: what stands for no value, lower case.
    """

    serial: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()
    texts: frozenset[str] = frozenset()
    zone: tzinfo = UTC
    time_format: str | None = None
    missing: frozenset[str] = MISSING
    decimal_mark: str = "."


@dataclass(frozen=True, slots=True)
class WideColumn:
    """A column whose cells are readings of one field."""

    index: int
    field: str
    unit: str


@dataclass(frozen=True, slots=True)
class ImportLayout:
    """Where in a line things are.

    `wide`: the columns of fields; none in long form, which has `field`, `value` and perhaps `unit`.
    """

    time: int
    serial: int | None
    wide: Sequence[WideColumn] = ()
    field: int = -1
    value: int = -1
    unit: int | None = None


def lay_out(path: Path, header: Sequence[str], options: ImportOptions) -> ImportLayout:
    """Find out the form of a file, and where its columns are.

    Raises:
        ConfigError: columns that are not there, or that could be read in two ways.
    """
    wanted = [*options.columns.values(), *options.only]
    _check(path, header, wanted)
    at = {name: _find(header, options, name) for name in _MEANINGS}
    time, serial = at[TIME], at[SERIAL]
    problems = []
    if time is None:
        problems.append(f"no column of times ({', '.join(_TIME_COLUMNS)}): --map time=COLUMN")
    if options.serial is not None and serial is not None:
        problems.append(f"--serial, and a column {header[serial]!r} too: which of them?")
    if options.serial is None and serial is None:
        problems.append("whose readings are they? --serial SERIAL, or --map serial=COLUMN")
    if problems or time is None:
        raise ConfigError(*(f"{path}: {problem}" for problem in problems))
    field_at, value_at = at[FIELD], at[VALUE]
    if field_at is None or value_at is None:
        return ImportLayout(time, serial, _wide(path, header, options, (time, serial)))
    unknown = sorted(set(options.columns) - set(_MEANINGS))
    if unknown or options.only:
        raise ConfigError(
            f"{path}: it has a row for each reading: only {', '.join(_MEANINGS)} can be mapped, "
            "and no columns chosen"
        )
    return ImportLayout(time, serial, field=field_at, value=value_at, unit=at[UNIT])


def _check(path: Path, header: Sequence[str], wanted: Sequence[str]) -> None:
    known = ", ".join(map(repr, header))
    problems = [f"no column {name!r} among {known}" for name in wanted if name not in header]
    problems += [
        f"two columns are called {name!r}"
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    if problems:
        raise ConfigError(*(f"{path}: {problem}" for problem in problems))


def _find(header: Sequence[str], options: ImportOptions, meaning: str) -> int | None:
    names = _TIME_COLUMNS if meaning == TIME else (meaning,)
    if meaning in options.columns:
        names = (options.columns[meaning],)
    return next((header.index(name) for name in names if name in header), None)


def _wide(
    path: Path, header: Sequence[str], options: ImportOptions, others: Sequence[int | None]
) -> list[WideColumn]:
    named = {column: name for name, column in options.columns.items() if name not in {TIME, SERIAL}}
    wide: dict[str, WideColumn] = {}
    for index, column in enumerate(header):
        is_other = index in others or column in REJECTED_COLUMNS
        if is_other or (options.only and column not in {*options.only, *named}):
            continue
        try:
            name, unit = field_and_unit(column)
        except ValueError as error:
            raise ConfigError(f"{path}: {error}") from error
        name = named.get(column, name)
        if name in wide:
            raise ConfigError(
                f"{path}: columns {header[wide[name].index]!r} and {column!r} are both field "
                f"{name!r}"
            )
        wide[name] = WideColumn(index, name, unit)
    if not wide:
        raise ConfigError(f"{path}: there is no column of values")
    return list(wide.values())
