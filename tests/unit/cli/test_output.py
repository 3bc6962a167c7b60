"""How commands print."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli._output import (
    Column,
    Format,
    cell,
    format_age,
    print_data,
    print_fields,
    print_rows,
    printable,
    show_age,
)

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
CELLS = [
    (None, "-"),
    ("", "-"),
    (True, "yes"),
    (20.0, "20"),
    (0.1 + 0.2, "0.3"),
    (1e300, "1e+300"),
    (7, "7"),
    ("crane-7", "crane-7"),
    ("\x1b[31mred", "\\x1b[31mred"),
    ("two\nlines", "two\\nlines"),
    ("日本", "日本"),
]
AGES = [(-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (90_000, "1d")]


@pytest.mark.parametrize(("value", "text"), CELLS)
def test_a_cell_shows_a_value(value: object, text: str) -> None:
    assert text == cell(value)


@given(st.text())
def test_nothing_that_is_shown_can_steer_a_terminal(text: str) -> None:
    assert printable(text).isprintable()


@pytest.mark.parametrize(("seconds", "text"), AGES)
def test_an_age_is_told_in_its_largest_unit(seconds: int, text: str) -> None:
    assert text == format_age(timedelta(seconds=seconds))


def test_a_table_in_a_pipe_is_aligned_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    long_one: dict[str, object] = {"serial": "a" * 200, "count": None}
    rows: list[dict[str, object]] = [{"serial": "crane-7", "count": 5}, long_one]
    columns = [Column("count", "COUNT", align="right"), Column("serial", "SERIAL")]

    print_rows(rows, columns, Format.TABLE)

    assert capsys.readouterr().out.splitlines() == [
        "COUNT  SERIAL",
        "    5  crane-7",
        f"    -  {'a' * 200}",
    ]


def test_json_has_the_whole_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"serial": "日本", "more": 1.5}], [Column("serial", "SERIAL")], Format.JSON)

    assert capsys.readouterr().out == '[\n  {\n    "serial": "日本",\n    "more": 1.5\n  }\n]\n'


ROWS: list[dict[str, object]] = [
    {"serial": "crane-7", "tags": ["a"], "count": 5},
    {"serial": "日本", "is_on": True},
]
PRINTED = [
    (Format.YAML, "- serial: crane-7\n  tags:\n  - a\n  count: 5\n- serial: 日本\n  is_on: true\n"),
    (Format.CSV, 'serial,tags,count,is_on\ncrane-7,"[""a""]",5,\n日本,,,true\n'),
    (Format.NAME, "crane-7\n日本\n"),
]


@pytest.mark.parametrize(("output", "text"), PRINTED)
def test_programs_may_choose_how_they_are_told(
    output: Format, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows(ROWS, [Column("serial", "SERIAL"), Column("count", "COUNT")], output)

    assert capsys.readouterr().out == text


@pytest.mark.parametrize("output", [output for output in Format if output.is_for_programs])
def test_one_thing_is_told_as_a_list_of_one_would_be(
    output: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    print_data(ROWS[0], output)

    assert "crane-7" in capsys.readouterr().out


@pytest.mark.parametrize("output", list(Format))
def test_nothing_is_printed_without_an_error(
    output: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows([], [Column("serial", "SERIAL")], output)

    assert "None" not in capsys.readouterr().out


def test_fields_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"serial": "crane-7", "last seen at": None})

    assert capsys.readouterr().out == "serial:        crane-7\nlast seen at:  -\n"


def test_an_instant_is_shown_by_its_age() -> None:
    show = show_age(NOW)

    assert [show("2026-03-14T15:07:26.000000Z"), show(None)] == ["2m ago", "-"]
