"""Every `iotctl ...` that the documentation names is a command, with options that it has.

In sentences, in tables, and in the blocks that are not run because they need something.
"""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import typer

from cli._loading import command_modules
from cli.main import build
from tests.doc_blocks import PAGES
from weir.paths import ROOT

#: They are made from the commands themselves.
GENERATED = {"docs/reference/cli.md"}
_IN_A_SENTENCE = re.compile(r"`(iotctl [^`\n]+)`")
_IN_A_BLOCK = re.compile(
    r"^(?:\$ )?(?:\.venv/bin/)?(iotctl .+?)(?:  +#.*| [|>&].*)?$", re.MULTILINE
)
#: What the reader has to put there.
_PLACEHOLDER = re.compile(r"[A-Z]|<|\.\.\.")


def named() -> Iterator[tuple[str, str]]:
    """Give every page and command line that it names."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        if name not in GENERATED:
            text = page.read_text(encoding="utf-8").replace("\\\n", " ")
            found = {*_IN_A_SENTENCE.findall(text), *_IN_A_BLOCK.findall(text)}
            yield from ((name, line) for line in sorted(found))


NAMED = list(named())


@cache
def application() -> Any:
    return typer.main.get_command(build(list(command_modules())))


def commands_below(command: Any) -> dict[str, Any]:
    found: dict[str, Any] = getattr(command, "commands", {})
    return found


def options_of(command: Any) -> set[str]:
    """Name the options of a command; of a group, also those of what is in it."""
    own = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return own.union(*map(options_of, commands_below(command).values()), {"--help", "-h"})


def takes_value(command: Any, word: str) -> bool:
    """Tell whether the next word belongs to this option."""
    return any(word in each.opts and not each.is_flag for each in command.params)


def unknown_in(line: str) -> list[str]:
    """Name the words of a command line that mean nothing; the first command ends it."""
    command, problems = application(), []
    words = iter(shlex.split(line)[1:])
    for word in words:
        choices = word.strip("[]").split("|")
        options = [choice.partition("=")[0] for choice in choices if choice.startswith("-")]
        problems += [option for option in options if option not in options_of(command)]
        if takes_value(command, word):
            next(words, None)
        inner = commands_below(command)
        if options or not inner or _PLACEHOLDER.match(word):
            continue
        if unknown := [choice for choice in choices if choice not in inner]:
            return problems + unknown
        command = inner[choices[0]]
    return problems


def test_what_is_named_is_a_command() -> None:
    unknown = {f"{page}: {line}": words for page, line in NAMED if (words := unknown_in(line))}
    assert len(NAMED) > 100
    assert {} == unknown


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("iotctl devices list --presence offline", []),
        ("iotctl awake|sleep -s SERIAL|--all", []),
        ("iotctl run NAME NAME ...", []),
        ("iotctl --context harbour login --user anna", []),
        ("iotctl simulate --devices 10 verify", []),
        ("iotctl devces list", ["devces"]),
        ("iotctl devices lst|show", ["lst"]),
        ("iotctl dead list --sinse 1h", ["--sinse"]),
        ("iotctl restore --offline=yes", ["--offline"]),
    ],
)
def test_a_slip_of_the_pen_is_noticed(line: str, unknown: list[str]) -> None:
    assert unknown == unknown_in(line)
