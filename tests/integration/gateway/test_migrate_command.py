"""`iotctl migrate` on a real database."""

import subprocess
import sys

import pytest

from weir.paths import ROOT

pytestmark = pytest.mark.postgres

COMMAND_TIMEOUT_S = 60


def migrate(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "weir", "migrate", *options],
        cwd=ROOT,
        env={"WEIR_POSTGRES_URL": url},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


async def test_what_is_missing_is_told_then_applied_and_then_nothing(database_url: str) -> None:
    missing = migrate(database_url, "--check")
    applied = migrate(database_url)
    again = migrate(database_url)
    checked = migrate(database_url, "--check")

    assert [missing.returncode, applied.returncode, again.returncode, checked.returncode] == [
        1,
        0,
        0,
        0,
    ]
    assert missing.stdout.replace("missing", "applied") == applied.stdout
    assert "applied 0001_pre_registry\n" in applied.stdout
    assert again.stdout == checked.stdout == "the schema is up to date\n"


def test_a_database_that_is_away_is_one_line() -> None:
    result = migrate("postgresql://nobody@127.0.0.1:1/nothing")

    assert result.returncode == 1
    assert result.stderr.startswith("error: PostgreSQL: ")
    assert len(result.stderr.splitlines()) == 1
