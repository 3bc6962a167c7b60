"""Files with a header, and what is wrong with some of their lines."""

from pathlib import Path

import pytest

from producers.csv_file import CsvFile, CsvLayout, Row
from producers.csv_lines import MISSING, Problem
from weir.errors import ConfigError

LAYOUT = CsvLayout("time")
T0 = 1_773_500_966_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def rows(path: Path, text: str, layout: CsvLayout = LAYOUT) -> list[Row | Problem]:
    path.write_bytes(text.encode(layout.encoding))
    return list(CsvFile(path, layout).rows())


def test_values_follow_the_fields(path: Path) -> None:
    text = "time,a (W),b\n1773500966,1,2.5\n1773500967,,x\n"
    first, second = rows(path, text)
    assert Row(2, T0, [1, 2.5]) == first
    assert isinstance(second, Row)
    assert (T0 + 1_000_000, [None, None]) == (second.observed_at_us, second.values)
    assert [Problem(3, "not a number", "'x' is not a number")] == second.problems
    fields = CsvFile(path, LAYOUT).fields
    assert [("a", "W", "a (W)"), ("b", "", "b")] == [
        (field.name, field.unit, field.description) for field in fields
    ]


def test_chosen_columns_come_in_the_chosen_order(path: Path) -> None:
    layout = CsvLayout("time", columns=("c", "a"), text_columns=("c",))
    (row,) = rows(path, "a,b,time,c\n1,2,1773500966, on \n", layout)
    assert isinstance(row, Row)
    assert ["on", 1] == row.values


def test_missing_numbers_match_in_every_spelling(path: Path) -> None:
    layout = CsvLayout("time", missing=MISSING | {"-9900", "?"})
    (row,) = rows(path, "time,a,b,c,d,e,f\n1773500966,-9900,-9900.0,?,NaN,-9.9e3,-990\n", layout)
    assert isinstance(row, Row)
    assert [None, None, None, None, None, -990] == row.values
    assert [] == row.problems


def test_other_delimiters_decimal_marks_and_encodings(path: Path) -> None:
    layout = CsvLayout("time", delimiter=";", decimal_mark=",", encoding="latin-1")
    (row,) = rows(path, 'time;"Temperatur (°C)"\n1773500966;-3,25\n', layout)
    assert isinstance(row, Row)
    assert [-3.25] == row.values
    assert "°C" == CsvFile(path, layout).fields[0].unit


def test_a_byte_order_mark_belongs_to_no_header(path: Path) -> None:
    (row,) = rows(path, "\ufefftime,a\r\n1773500966,1\r\n\r\n")
    assert Row(2, T0, [1]) == row


def test_quoted_cells_may_have_delimiters_and_line_ends(path: Path) -> None:
    layout = CsvLayout("time", text_columns=("note",))
    text = 'time,note\n1773500966,"a, ""b""\nc"\n1773500967,d\n'
    first, second = rows(path, text, layout)
    assert isinstance(first, Row)
    assert ['a, "b"\nc'] == first.values
    assert isinstance(second, Row)
    assert (4, ["d"]) == (second.line, second.values)


def test_lines_that_are_no_rows_are_named(path: Path) -> None:
    text = "time,a\nyesterday,1\n1773500966\n1773500966,1,2\n1773500966,1\n"
    found = rows(path, text)
    assert ["line 2: not a time: 'yesterday'", "line 3: number of cells: 1, the header has 2"] == [
        str(problem) for problem in found[:2]
    ]
    assert isinstance(found[2], Problem)
    assert isinstance(found[3], Row)


def test_a_text_that_no_consumer_accepts_is_a_problem(path: Path) -> None:
    layout = CsvLayout("time", text_columns=("a",))
    (row,) = rows(path, f"time,a\n1773500966,{'x' * 4_097}\n", layout)
    assert isinstance(row, Row)
    assert ([None], "not a text") == (row.values, row.problems[0].reason)


def test_progress_is_in_bytes(path: Path) -> None:
    rows(path, "time,a\n1773500966,1\n")
    file = CsvFile(path, LAYOUT)
    assert file.size_bytes == path.stat().st_size
    list(file.rows())
    assert file.read_bytes == file.size_bytes


@pytest.mark.parametrize(
    ("text", "layout", "message"),
    [
        ("a,b\n", LAYOUT, "no column 'time' among 'a', 'b'"),
        ("time,a\n", CsvLayout("time", columns=("b",)), "no column 'b'"),
        ("time,a\n", CsvLayout("time", text_columns=("c",)), "no column 'c'"),
        ("time,a,a\n", LAYOUT, "two columns are called 'a'"),
        ("time,a b,a_b\n", LAYOUT, "columns 'a b' and 'a_b' are both field 'a_b'"),
        ("time,\n", LAYOUT, "gives no field name"),
        ("time\n", LAYOUT, "no column besides the times"),
        ("", LAYOUT, "is empty"),
    ],
)
def test_a_header_that_does_not_fit_is_a_config_error(
    path: Path, text: str, layout: CsvLayout, message: str
) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        CsvFile(path, layout)


def test_no_file_and_another_encoding_are_config_errors(path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        CsvFile(path, LAYOUT)
    path.write_bytes(b"time,a\n1773500966,\xb0\n")
    with pytest.raises(ConfigError, match="not in encoding 'utf-8'"):
        list(CsvFile(path, LAYOUT).rows())
    with pytest.raises(ConfigError, match="not in encoding 'klingon'"):
        CsvFile(path, CsvLayout("time", encoding="klingon"))
