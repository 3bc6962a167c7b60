"""What an edge agent costs: memory, processor, start, and what its spool costs on this disk.

    python -m benchmarks.edge [--seconds N]

The agent is a process of its own, its broker one that only acknowledges. Memory is what the kernel
counts as resident, with the share of it that no other process can use too (`private`). Figures on a
loaded machine: processor time is right, waiting times are not. Modules are compiled first, as
an installation does it.
"""

import argparse
import asyncio
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.mqtt_sink import MqttSink, open_sink
from weir.paths import ROOT

IMPORTS = 7
COMMITS = 300
BODY_BYTES = 600
#: After this the agent has connected, announced itself and sent its first readings.
SETTLE_S = 5.0
#: What `python -m producers` does before it reads its file.
_IMPORTS_OF_THE_AGENT = """
from producers.lean_imports import lean_imports
with lean_imports():
    import producers.agent.process
"""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Of a process, in MB of 1 000 000 bytes."""

    resident: float
    private: float


def main(arguments: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.edge")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to look at each")
    options = parser.parse_args(arguments)
    table = Table("what", "figure")
    for what, figure in asyncio.run(measure(options.seconds)):
        table.add_row(what, figure)
    Console().print(table)


async def measure(seconds: float) -> list[tuple[str, str]]:
    """Take all figures, one after another."""
    rows = [("import, processor time", f"{import_s():.2f} s")]
    async with open_sink() as sink:
        for count in (1, 10, 100):
            async with running_agent(sink, count) as pid:
                before_s, messages = processor_s(pid), sink.message_count
                await asyncio.sleep(seconds)
                share = (processor_s(pid) - before_s) / seconds
                rate = (sink.message_count - messages) / seconds
                memory = memory_of(pid)
                rows += [
                    (f"{count} devices at 1 Hz: memory", _shown(memory)),
                    (f"{count} devices at 1 Hz: processor", f"{share:.1%} of one, {rate:.1f}/s"),
                ]
    rows += [(f"one commit, synchronous={mode}", commit_times(mode)) for mode in ("FULL", "NORMAL")]
    return rows


def import_s() -> float:
    """Give the least processor time that importing the agent takes beyond starting Python."""
    agent = min(run_s(_IMPORTS_OF_THE_AGENT) for _ in range(IMPORTS))
    return agent - min(run_s("pass") for _ in range(IMPORTS))


def run_s(code: str) -> float:
    """Give the processor time of a Python process that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=ROOT, env=environ(), check=True)  # noqa: S603 - our code
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def environ() -> dict[str, str]:
    """Let Python keep what it has compiled, whatever is said where we run."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


@asynccontextmanager
async def running_agent(sink: MqttSink, count: int) -> AsyncIterator[int]:
    """Run an agent with so many devices, one reading a second each; gives its process id."""
    devices = [
        {"serial": f"dev-{number}", "driver": "signal", "interval_s": 1, "jitter_s": 1}
        for number in range(count)
    ]
    raw = {
        "broker": {"url": f"mqtt://127.0.0.1:{sink.port}"},
        "agent": {"serial": "edge-1"},
        "devices": devices,
    }
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        # JSON is YAML too; the usual file, and the larger agent.
        path = Path(folder) / "edge.yaml"
        path.write_text(json.dumps(raw))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "producers", "--config", str(path), cwd=ROOT, env=environ()
        )
        try:
            await asyncio.sleep(SETTLE_S)
            yield process.pid
        finally:
            process.terminate()
            await process.wait()


def memory_of(pid: int) -> Memory:
    """Read what the kernel says."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    kilobytes = {line.partition(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return Memory(kilobytes["Rss"] * 1.024e-3, private * 1.024e-3)


def processor_s(pid: int) -> float:
    """Give the processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    # The 14th and 15th of the whole line; two are before the bracket.
    return (int(fields[11]) + int(fields[12])) / _TICKS


def commit_times(mode: str) -> str:
    """Time commits of one message each into a file as the spool's."""
    with (
        tempfile.TemporaryDirectory(dir=ROOT) as folder,
        closing(sqlite3.connect(Path(folder) / "spool", isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {mode}")
        connection.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, body BLOB)")
        insert = partial(
            connection.execute,
            "INSERT INTO message (body) VALUES (?)",
            (os.urandom(BODY_BYTES),),
        )
        taken_ms = sorted(_timed(insert) for _ in range(COMMITS))
    return f"p50 {taken_ms[COMMITS // 2]:.2f} ms, p99 {taken_ms[COMMITS * 99 // 100]:.2f} ms"


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1_000


def _shown(memory: Memory) -> str:
    return f"{memory.resident:.1f} MB resident, {memory.private:.1f} MB private"


if __name__ == "__main__":
    main(sys.argv[1:])
