"""Choosing what to migrate, and refusing histories that do not fit."""

from pathlib import Path

import pytest

from weir.errors import MigrationError
from weir.postgres.migrate import Migration, plan, read_migrations

FILES = [Migration("0001_pre_a", "aa", ""), Migration("0002_pre_b", "bb", "")]


def test_what_is_missing_is_planned_in_order() -> None:
    assert FILES == plan(FILES, {})
    assert FILES[1:] == plan(FILES, {"0001_pre_a": "aa"})


@pytest.mark.parametrize(
    ("applied", "problem"),
    [
        ({"0001_pre_a": "changed"}, "edited"),
        ({"0001_pre_other": "cc"}, "lacks"),
        ({"0002_pre_b": "bb"}, "comes before"),
    ],
)
def test_a_history_that_does_not_fit_is_refused(applied: dict[str, str], problem: str) -> None:
    with pytest.raises(MigrationError, match=problem):
        plan(FILES, applied)


def test_what_the_next_version_has_applied_disturbs_nobody() -> None:
    applied = {"0001_pre_a": "aa", "0002_pre_b": "bb", "0003_pre_c": "cc"}

    assert [] == plan(FILES, applied)


def test_two_files_of_one_number_are_refused(tmp_path: Path) -> None:
    for name in ("0001_pre_a.sql", "0001_pre_b.sql"):
        (tmp_path / name).write_text("SELECT 1;")

    with pytest.raises(MigrationError, match="0001"):
        read_migrations(tmp_path)


def test_our_own_files_have_numbers_of_their_own() -> None:
    numbers = [int(migration.name[:4]) for migration in read_migrations()]

    assert sorted(set(numbers)) == numbers
