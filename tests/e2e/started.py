"""Starts `iotctl up` as a person would, on free ports and in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from weir.embedded.port_plan import ANY_PORT, USUAL_PORTS
from weir.embedded.process import is_alive
from weir.paths import ROOT
from weir.testing.conditions import wait_until

READY_TIMEOUT_S = 120.0
ANY_PORTS = [f"--port={name}={ANY_PORT}" for name in USUAL_PORTS]


@dataclass(frozen=True)
class Result:
    """What a command has left: exit code, and everything that it printed."""

    code: int
    output: str


def iotctl(*arguments: str, environ: Mapping[str, str] | None = None) -> Result:
    """Run a command; `environ`: beside what is left of ours."""
    done = subprocess.run(
        [sys.executable, "-m", "weir", *arguments],
        cwd=ROOT,
        env={**clean_environ(), **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=READY_TIMEOUT_S,
        check=False,
    )
    return Result(done.returncode, done.stdout)


def clean_environ() -> dict[str, str]:
    """Leave out what would tell `iotctl` of other servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}


class Started:
    """A running `iotctl up`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, output: Path) -> None:
        self.process = process
        self.folder = folder
        self._output = output

    @property
    def output(self) -> str:
        return self._output.read_text()

    def status(self) -> dict[str, Any]:
        path = self.folder / "state.json"
        try:
            state: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return {"is_ready": False, "supervisor": {}, "parts": []}
        return state

    def part(self, name: str) -> dict[str, Any]:
        return next(part for part in self.status()["parts"] if part["name"] == name)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.output
        state = self.status()
        return bool(state["is_ready"] and state["supervisor"]["pid"] == self.process.pid)

    def processes(self) -> list[psutil.Process]:
        """List the supervisor and everything below it."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[Started]:
    """Start the system and wait until it is ready; nothing of it is left after the block."""
    output = folder.with_suffix(".output")
    command = [sys.executable, "-m", "weir", "up", "--data", str(folder), *arguments]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=clean_environ(), stdout=file, stderr=subprocess.STDOUT
        )
    system = Started(process, folder, output)
    try:
        wait_until(system.is_ready, READY_TIMEOUT_S)
        yield system
    finally:
        left = system.processes() if process.poll() is None else []
        process.terminate()
        process.wait()
        iotctl("down", "--data", str(folder))
        for each in left:
            if is_alive(each):
                each.kill()
