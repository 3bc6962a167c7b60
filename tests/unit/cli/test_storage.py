"""How sizes, counts and instants are shown, and what is refused before anybody is asked."""

import pytest
from typer.testing import CliRunner

from cli import storage
from cli._storage_view import mode_fields, show_bytes, show_count, show_instant, show_rows

EXIT_USAGE = 2


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_536, "1.5 KiB"),
        (5 * 1024**3, "5.0 GiB"),
        (3 * 1024**6, "3072.0 PiB"),
    ],
)
def test_a_size_is_shown_in_its_largest_unit(count: int | None, shown: str) -> None:
    assert shown == show_bytes(count)


def test_rows_that_were_not_all_counted_say_so() -> None:
    assert ("-", "1 234 567") == (show_count(None), show_count(1_234_567))
    assert ("99 999", "over 100 000") == (show_rows(99_999), show_rows(100_000))


def test_a_midnight_is_shown_as_its_day() -> None:
    assert "2026-03-14" == show_instant("2026-03-14T00:00:00.000000Z")
    assert "2026-03-14 15:09:26" == show_instant("2026-03-14T15:09:26.000000Z")


@pytest.mark.parametrize(
    ("licence", "is_compressing", "compressed"),
    [
        (None, False, "no"),
        ("apache", False, "no (not allowed by the apache licence)"),
        ("timescale", True, "after a week"),
    ],
)
def test_it_says_whether_readings_are_compressed_and_why_not(
    licence: str | None, is_compressing: bool, compressed: str
) -> None:
    fields = mode_fields(
        {
            "timescaledb_version": "2.31.0",
            "timescaledb_licence": licence,
            "is_compressing": is_compressing,
        }
    )

    assert compressed == fields["compressed"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["retain"], "--dry-run or --now"),
        (["retain", "--dry-run", "--now"], "--dry-run or --now"),
        (["policy", "set"], "at least one age"),
        (["policy", "unset"], "--site or --class"),
        (["policy", "unset", "second", "--site", "a"], "second"),
    ],
)
def test_half_a_command_says_what_is_missing(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(storage.app, arguments)

    assert EXIT_USAGE == result.exit_code
    assert complaint in result.output
