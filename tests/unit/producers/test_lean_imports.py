"""What an agent does not import: memory and a start that small computers do not have to spare."""

import subprocess
import sys
from pathlib import Path

import pytest

from producers.lean_imports import put_off
from weir.paths import ROOT

#: Each is a megabyte, or a tenth of the time to start, and of no use to an agent.
LEFT_OUT = {
    "csv",
    "email.message",
    "google.protobuf.text_format",
    "http.client",
    "httpx",
    "importlib.metadata",
    "multiprocessing",
    "numpy",
    "rich",
    "typer",
    "uvloop",
    "yaml",
    "zipfile",
}
#: Everything that an agent of this file uses but a broker.
AGENT = """
import sys
from pathlib import Path
from producers.lean_imports import lean_imports
with lean_imports():
    from producers.agent import agent, process
from producers.agent.check import check_file
problems = check_file(process.read_file(Path(sys.argv[1])), {})
assert not problems, problems
print(*(name for name, module in sys.modules.items() if module is not None))
"""


def imported(path: Path) -> set[str]:
    path.write_text(
        '{"broker": {"url": "mqtt://127.0.0.1"}, "devices": [{"serial": "a", "driver": "signal"}]}'
    )
    command = [sys.executable, "-c", AGENT, str(path)]
    return set(
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    )


def test_an_agent_imports_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    assert set() == imported(tmp_path / "edge.json") & LEFT_OUT


def test_a_file_of_yaml_costs_yaml_and_nothing_else(tmp_path: Path) -> None:
    assert {"yaml"} == imported(tmp_path / "edge.yaml") & LEFT_OUT


def test_what_is_put_off_is_imported_when_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "rarely"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "used.py").write_text("ANSWER = 42")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("rarely", "rarely.used"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    put_off("rarely.used")
    stand_in = sys.modules["rarely.used"]
    assert not hasattr(stand_in, "__file__")
    assert stand_in is sys.modules["rarely.used"]
    assert 42 == stand_in.ANSWER
    assert str(package / "used.py") == sys.modules["rarely.used"].__file__
