"""Files of readings in long and wide form, CSV and Parquet: what they give, and what is wrong."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from producers.csv_lines import CsvLines
from producers.import_file import ImportFile, ImportRow
from producers.import_layout import ImportOptions
from producers.parquet_lines import ParquetLines
from weir.errors import ConfigError

T0 = 1_773_500_966_000_000
HOUSE = ImportOptions(serial="house-1")
Reading = tuple[str, str, str, int, object]


def rows_of(path: Path, content: str, options: ImportOptions) -> list[ImportRow]:
    path.write_text(content)
    return list(ImportFile(CsvLines(path), options).rows())


def read(path: Path, content: str, options: ImportOptions) -> list[Reading]:
    """Give the readings as (serial, field, unit, seconds after `T0`, value)."""
    return [
        (each.serial, each.field, each.unit, (each.observed_at_us - T0) // 1_000_000, each.value)
        for row in rows_of(path, content, options)
        for each in row.readings
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def test_long_form_has_a_row_for_each_reading(path: Path) -> None:
    content = "time,serial,field,value,unit\n1773500966,a,power, 1.5 ,kW\n1773500967,b,count,3,\n"

    assert [("a", "power", "kW", 0, 1.5), ("b", "count", "", 1, 3)] == read(
        path, content, ImportOptions()
    )


def test_what_we_export_can_be_imported(path: Path) -> None:
    content = (
        "observed_at,field,value,unit\n"
        "2026-03-14T15:09:26.000000Z,pressure,1.5,bar\n"
        '2026-03-14T15:09:27.000000Z,mode,"idle, ""x""",\n'
    )
    options = ImportOptions(serial="pump-1", texts=frozenset({"mode"}))

    assert [("pump-1", "pressure", "bar", 0, 1.5), ("pump-1", "mode", "", 1, 'idle, "x"')] == read(
        path, content, options
    )


def test_wide_form_has_a_column_for_each_field(path: Path) -> None:
    content = (
        "time,power (kW),mode,empty\n2026-03-14 16:09:26,1.5,7,\n2026-03-14 16:09:27,NaN,8,-\n"
    )
    options = ImportOptions(
        serial="house-1", zone=ZoneInfo("Europe/Berlin"), texts=frozenset({"mode"})
    )

    assert [
        ("house-1", "power", "kW", 0, 1.5),
        ("house-1", "mode", "", 0, "7"),
        ("house-1", "mode", "", 1, "8"),
    ] == read(path, content, options)
    assert [1, 2] == [row.missing_count for row in rows_of(path, content, options)]


def test_columns_are_mapped_and_chosen(path: Path) -> None:
    content = "Zeit;ignored;house;P_total (W);T\n14.03.2026 15:09;x;h-1;1,5;20\n"
    path.write_text(content)
    options = ImportOptions(
        columns={"time": "Zeit", "serial": "house", "power": "P_total (W)"},
        only=["T"],
        time_format="%d.%m.%Y %H:%M",
        decimal_mark=",",
    )

    (row,) = ImportFile(CsvLines(path, ";"), options).rows()

    assert [("h-1", "power", "W", 1.5), ("h-1", "T", "", 20)] == [
        (each.serial, each.field, each.unit, each.value) for each in row.readings
    ]


@pytest.mark.parametrize(
    ("line", "refusals"),
    [
        ("never,a,p,1,", [("time", "'never' is not a time")]),
        (",a,p,1,", [("time", "'' is not a time")]),
        ("1773500966,a b,p,1,", [("serial", "'a b' is no serial")]),
        ("1773500966,a,,1,", [("field", "'' is no name of a field")]),
        ("1773500966,a,p,x,", [("value", "'x' is not a number; if p has texts: --text p")]),
        ("1773500966,a,p,inf,", [("value", "'inf' is not a number; if p has texts: --text p")]),
        ("1773500966,a,p", [("", "number of cells: 3, the header has 5")]),
    ],
)
def test_a_wrong_cell_refuses_its_row_by_column(
    path: Path, line: str, refusals: list[tuple[str, str]]
) -> None:
    content = f"time,serial,field,value,unit\n1773500966,a,p,1,\n{line}\n1773500967,a,p,2,\n"

    good, wrong, other = rows_of(path, content, ImportOptions())

    assert (1, 1, 3) == (len(good.readings), len(other.readings), wrong.number)
    assert ([], line.split(",")) == (wrong.readings, list(wrong.cells))
    assert refusals == [(refusal.column, refusal.reason) for refusal in wrong.refusals]


def test_in_wide_form_the_other_cells_of_a_row_are_good(path: Path) -> None:
    (row,) = rows_of(path, "time,a,b,c\n1773500966,1,x,3\n", HOUSE)

    assert ["a", "c"] == [reading.field for reading in row.readings]
    assert ["b"] == [refusal.column for refusal in row.refusals]


def test_a_file_of_refused_rows_is_imported_without_their_reasons(path: Path) -> None:
    content = "rejected_row,rejected_column,rejected_reason,time,a\n7,a,'x',1773500966,1\n"

    assert [("house-1", "a", "", 0, 1)] == read(path, content, HOUSE)


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ("when,a", HOUSE, r"no column of times \(time, observed_at, timestamp\): --map time="),
        ("time,a", ImportOptions(), "whose readings are they"),
        ("time,serial,a", HOUSE, "--serial, and a column 'serial' too"),
        ("time,a", ImportOptions("x", {"time": "t"}), "no column 't' among 'time', 'a'"),
        ("time,a", ImportOptions("x", only=["b"]), "no column 'b' among"),
        ("time,a,a", HOUSE, "two columns are called 'a'"),
        ("time,a (W),a [V]", HOUSE, r"'a \(W\)' and 'a \[V\]' are both field 'a'"),
        ("time", HOUSE, "no column of values"),
        ("time,field,value", ImportOptions("x", {"p": "value"}), "only time, serial, field"),
    ],
)
def test_a_wrong_header_is_a_config_error(
    path: Path, header: str, options: ImportOptions, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read(path, f"{header}\n", options)


def write_parquet(tmp_path: Path, **columns: Any) -> Path:
    path = tmp_path / "file.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    instant = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
    path = write_parquet(
        tmp_path,
        time=pa.array([instant, instant], pa.timestamp("ns", "Europe/Berlin")),
        power=[1.5, None],
        count=pa.array([3, 4], pa.int32()),
        on=[True, False],
        mode=pa.array(["idle", "busy"]).dictionary_encode(),
    )
    options = ImportOptions(serial="house-1", texts=frozenset({"mode"}))

    first, second = ImportFile(ParquetLines(path), options).rows()

    assert [("power", 1.5), ("count", 3), ("on", True), ("mode", "idle")] == [
        (reading.field, reading.value) for reading in first.readings
    ]
    assert {T0} == {reading.observed_at_us for reading in first.readings}
    assert (3, 1, 3) == (len(second.readings), second.missing_count, second.number)


def test_local_times_of_parquet_are_of_the_zone_that_is_said(tmp_path: Path) -> None:
    local = datetime(2026, 3, 14, 16, 9, 26)  # noqa: DTZ001 - that is what the file has
    path = write_parquet(tmp_path, time=[local], a=[1.0])
    options = ImportOptions(serial="house-1", zone=ZoneInfo("Europe/Berlin"))

    (row,) = ImportFile(ParquetLines(path), options).rows()

    assert [T0] == [reading.observed_at_us for reading in row.readings]


def test_nested_columns_of_parquet_are_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, time=[1], a=[[1.0]], b=[{"c": 1}])

    with pytest.raises(ConfigError, match=r"nested columns.*'a' \(list<.*'b' \(struct<"):
        ParquetLines(path)


@pytest.mark.parametrize("content", [b"", b"time,a\n1,2\n", b"PAR1" + bytes(50) + b"PAR1"])
def test_what_is_no_parquet_is_a_config_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match="not a Parquet file that can be read"):
        ParquetLines(path)
