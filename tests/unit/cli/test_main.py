"""`iotctl` as a whole: what it imports, how it fails."""

import subprocess
import sys

import pytest

from cli._errors import exit_code_of, reported
from weir import __version__
from weir.errors import (
    BrokerUnavailableError,
    ConfigError,
    ForbiddenError,
    GatewayUnavailableError,
    MigrationError,
    NotFoundError,
    RequestError,
    UnauthorizedError,
    WeirError,
)
from weir.paths import ROOT

EXIT_CODES = [
    (NotFoundError("x"), 3),
    (GatewayUnavailableError("x"), 4),
    (RequestError("x"), 5),
    (UnauthorizedError("x"), 6),
    (ForbiddenError("x"), 6),
    (ConfigError("x"), 78),
    (MigrationError("x"), 1),
    (BrokerUnavailableError("x"), 1),
]
#: Each would add a tenth of a second or more to every look at the help.
HEAVY = ("pydantic", "rich", "httpx", "asyncpg", "fastapi", "structlog")


def run_in_a_process(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("error", "code"), EXIT_CODES)
def test_an_error_leaves_its_exit_code(error: WeirError, code: int) -> None:
    assert code == exit_code_of(error)


def test_an_error_is_one_line_for_each_problem(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info, reported():
        raise ConfigError("one is missing", "two is wrong")

    assert exit_info.value.code == 78
    assert capsys.readouterr().err == "error: one is missing\nerror: two is wrong\n"


def test_a_package_that_is_not_installed_is_advice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info, reported():
        raise ModuleNotFoundError("No module named 'asyncpg'", name="asyncpg")

    assert exit_info.value.code == 78
    assert "weir[server]" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ModuleNotFoundError(name="weir.gone"), KeyError("a bug")])
def test_a_bug_shows_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)), reported():
        raise error


def test_help_lists_every_command_without_importing_any() -> None:
    script = f"""
import sys
from cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
loaded = [name for name in sys.modules if name.startswith("cli.") and name[4] != "_"]
assert loaded == ["cli.main"], loaded
heavy = [name for name in {HEAVY} if name in sys.modules]
assert not heavy, heavy
"""
    result = run_in_a_process(script)

    assert result.returncode == 0, result.stderr
    for name in ("devices", "readings", "dead", "migrate", "run"):
        assert f"\n  {name} " in result.stdout


def test_the_version_is_told() -> None:
    result = run_in_a_process("from cli.main import main; main(['--version'])")

    assert result.stdout == f"iotctl {__version__}\n"


def test_an_unknown_command_is_answered_with_a_near_one() -> None:
    result = run_in_a_process("from cli.main import main; main(['devics'])")

    assert result.returncode == 2
    assert "Did you mean 'devices'?" in result.stderr
