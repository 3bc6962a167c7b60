"""What every command of `iotctl` owes: help with an example, exit codes, and a golden help text.

`WEIR_TEST_UPDATE_GOLDEN=1 pytest tests/contract/test_commands.py` writes the golden files anew.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli._loading import command_modules
from cli.main import PROGRAM, build
from weir.paths import ROOT

GOLDEN = ROOT / "tests" / "golden" / "cli"
UPDATE_VARIABLE = "WEIR_TEST_UPDATE_GOLDEN"
WIDTH = "80"
EXIT_USAGE = 2


def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, (*path, name))


def command_paths() -> list[tuple[str, ...]]:
    return list(walk(typer.main.get_command(build(list(command_modules()))), ()))


PATHS = command_paths()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(
        build(arguments), arguments, prog_name=PROGRAM, env={"COLUMNS": WIDTH}
    )


def spelled(path: tuple[str, ...]) -> str:
    return "-".join((PROGRAM, *path))


@pytest.mark.parametrize("path", PATHS, ids=spelled)
def test_its_help_is_the_golden_one(path: tuple[str, ...]) -> None:
    golden = GOLDEN / f"{spelled(path)}.txt"
    result = run(*path, "--help")
    if os.environ.get(UPDATE_VARIABLE):
        GOLDEN.mkdir(parents=True, exist_ok=True)
        golden.write_text(result.output)

    assert result.exit_code == 0
    assert golden.is_file(), f"{golden} is missing: run with {UPDATE_VARIABLE}=1"
    assert golden.read_text() == result.output, f"run with {UPDATE_VARIABLE}=1, and look at it"


@pytest.mark.parametrize("path", [path for path in PATHS if path], ids=spelled)
def test_its_help_teaches_by_example(path: tuple[str, ...]) -> None:
    output = run(*path, "--help").output

    _, has_example, examples = output.partition("Example")
    assert has_example
    assert re.search(rf"^ +(\S+=\S+ )*{PROGRAM} {path[0]}\b", examples, re.MULTILINE)


@pytest.mark.parametrize("path", PATHS, ids=spelled)
def test_it_refuses_an_unknown_option(path: tuple[str, ...]) -> None:
    result = run(*path, "--no-such-option")

    assert result.exit_code == EXIT_USAGE
    assert "--no-such-option" in result.output


def test_every_golden_help_has_its_command() -> None:
    assert {spelled(path) for path in PATHS} == {golden.stem for golden in GOLDEN.glob("*.txt")}


def test_the_first_line_of_its_module_says_what_a_command_does() -> None:
    listing = run("--help").output

    for name in command_modules():
        assert re.search(rf"^  {name} +\S+.*$", listing, re.MULTILINE)
