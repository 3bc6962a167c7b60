"""The repository keeps its own rules: docstrings, sizes, names of log events."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILE_LINES_MAX = 400
TEST_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
FILE_BYTES_MAX = 512 * 1024
GENERATED = ("_pb2.py", "_pb2.pyi")

LOG_METHODS = {"debug", "info", "warning", "error", "critical", "exception"}
#: The last word of a log event says what happened, or what goes on from here.
LOG_EVENT = re.compile(r"[a-z]+(_[a-z]+)+")
PAST = re.compile(r"\w*(ed|ing)|lost|left|sent|found|begun|done|upcast|set|begins|ended|taken|kept")
#: What is true on one machine only, or names where packages were fetched from.
OF_A_MACHINE = re.compile(
    r"/(work|root|home|Users)/\w|/tmp/\w|pypi\.org|pythonhosted|[\w-]+\.pkg\.dev|/opt/wheels"
)


def files_of_the_repository() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / line for line in listing.stdout.splitlines())
    return sorted(path for path in paths if path.is_file() and path != Path(__file__))


FILES = files_of_the_repository()
MODULES = [path for path in FILES if path.suffix == ".py" and not path.name.endswith(GENERATED)]
TESTS = [path for path in MODULES if path.is_relative_to(ROOT / "tests")]
#: A schedule of faults is made of pauses.
CHAOS = ROOT / "tests" / "chaos"


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_module_says_what_it_is_for() -> None:
    assert [] == [named(path) for path in MODULES if not ast.get_docstring(parsed(path))]


def test_every_file_is_one_idea() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    too_long = {
        named(path): length
        for path, length in lengths.items()
        if length > (TEST_LINES_MAX if path in TESTS else FILE_LINES_MAX)
    }
    assert {} == too_long


def test_every_function_can_be_seen_at_once() -> None:
    too_long = {
        f"{named(path)}:{node.name}": length
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert {} == too_long


def test_every_log_event_is_a_constant_that_says_what_happened() -> None:
    wrong = {
        f"{named(path)}:{call.lineno}": ast.unparse(call)
        for path in MODULES
        for call in log_calls(parsed(path))
        if not has_good_event(call)
    }
    assert {} == wrong


def log_calls(module: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=method)):
                if method in LOG_METHODS:
                    yield node


def has_good_event(call: ast.Call) -> bool:
    match call.args:
        case [ast.Constant(value=str(event))]:
            last_word = event.rpartition("_")[2]
            return bool(LOG_EVENT.fullmatch(event) and PAST.fullmatch(last_word))
        case _:
            return False


def test_no_test_sleeps_instead_of_waiting_for_a_condition() -> None:
    sleeping = [
        f"{named(path)}:{node.lineno}"
        for path in TESTS
        if not path.is_relative_to(CHAOS)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "sleep"
    ]
    assert [] == sleeping


def test_every_text_ends_with_one_line_end_and_no_line_with_a_blank() -> None:
    untidy = [
        named(path)
        for path in FILES
        if path.suffix != ".binpb"
        and (text := path.read_bytes())
        and (not text.endswith(b"\n") or text.endswith(b"\n\n") or re.search(rb"[ \t\r]\n", text))
    ]
    assert [] == untidy


def test_no_file_is_large() -> None:
    assert [] == [named(path) for path in FILES if path.stat().st_size > FILE_BYTES_MAX]


def test_nothing_names_a_machine_or_a_registry() -> None:
    found = {}
    for path in FILES:
        text = path.read_text(encoding="utf-8", errors="replace")
        if match := OF_A_MACHINE.search(text):
            found[named(path)] = match.group()
    assert {} == found
