"""What `scripts/setup` says where nothing is to do, or nothing can be done."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def setup(*parts: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "setup", *parts],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_environment_that_is_there_is_left_alone(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to("/bin/true")
    lock, project = ROOT / "requirements" / "run.txt", ROOT / "pyproject.toml"
    (tmp_path / "made-from-run").write_bytes(lock.read_bytes() + project.read_bytes())
    done = setup("run", VENV=str(tmp_path))
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    done = setup("dev", VENV=str(tmp_path / "venv"), PYTHON="python0")
    assert 1 == done.returncode
    assert "Python 3.11 or newer is needed; looked for: python0" in done.stderr


def test_an_unknown_part_is_refused() -> None:
    done = setup("everything")
    assert (1, "setup: there is no part called everything\n") == (done.returncode, done.stderr)


def test_without_a_part_the_parts_are_named() -> None:
    done = setup()
    assert 1 == done.returncode
    assert "run|dev|rabbitmq|test-servers" in done.stderr
