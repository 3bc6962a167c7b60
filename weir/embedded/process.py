"""A child process: what it is (`ProcessSpec`) and the running thing (`ChildProcess`).

Children get a session of their own, so that Ctrl-C in a terminal reaches only the supervisor,
which then ends them in the right order.
"""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from weir.embedded.account import Account
from weir.errors import ProcessError

#: How often a waiting caller looks again.
POLL_INTERVAL_S = 0.05
#: Lines of a log that an error message quotes.
QUOTED_LINE_COUNT = 15


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """How to start, recognise as ready, and end one process.

    Attributes:
        environ: the whole environment, not an addition to ours.
        account: whom the process runs as; ours when `None`.
        is_ready: a quick look that never raises; `None` means ready as soon as it runs.
        stop_signal: what the process takes as the wish to end in good order.
        before_stop: called before `stop_signal`; short, never raises.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    cwd: Path
    account: Account | None = None
    is_ready: Callable[[], bool] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    before_stop: Callable[[], None] | None = None


class ChildProcess:
    """A started process, until `stop`.

    The caller opens and closes `log`; the child keeps a copy of its own.
    """

    def __init__(self, spec: ProcessSpec, log: IO[bytes] | int) -> None:
        self.spec = spec
        self._below: list[psutil.Process] = []
        account = spec.account
        self._process = subprocess.Popen(  # noqa: S603 - the argv is our own
            spec.argv,
            env=dict(spec.environ),
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=() if account else None,
        )

    @property
    def pid(self) -> int:
        """The process's id, also after its end."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended: negative for a signal, `None` while it runs."""
        return self._process.poll()

    def is_ready(self) -> bool:
        """Tell whether it runs and answers."""
        if self.exit_code is not None:
            return False
        return self.spec.is_ready is None or self.spec.is_ready()

    def wait_ready(self, timeout_s: float, log_path: Path) -> None:
        """Block until it answers.

        Raises:
            ProcessError: it ended or did not answer in time; the message quotes its log.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if self.exit_code is not None:
                raise ProcessError(self._explain(f"ended with {self.exit_code}", log_path))
            if time.monotonic() > deadline:
                raise ProcessError(self._explain(f"not ready after {timeout_s:g} s", log_path))
            time.sleep(POLL_INTERVAL_S)

    def ask_to_stop(self) -> None:
        """Send the stop signal; does nothing when it has ended."""
        if self.exit_code is not None:
            return
        self._below = descendants(self.pid)
        if self.spec.before_stop:
            self.spec.before_stop()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self.spec.stop_signal)

    def kill(self) -> None:
        """End it and everything below it at once."""
        end_tree(self.pid)
        self._process.wait()

    def sweep(self) -> None:
        """End what ran below it when it was asked to stop, and has outlived it."""
        kill_all(self._below)

    def stop(self, grace_s: float) -> None:
        """Ask it to stop, wait, and kill what is left after `grace_s`."""
        self.ask_to_stop()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self.sweep()

    def _explain(self, what: str, log_path: Path) -> str:
        return f"{self.spec.name} {what}; the end of {log_path}:\n{tail(log_path)}"


def descendants(pid: int) -> list[psutil.Process]:
    """List what runs below a process; empty when it has gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def end_tree(pid: int) -> None:
    """Kill a process and all below it; does nothing when it has gone."""
    below = descendants(pid)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()
    kill_all(below)


def kill_all(processes: list[psutil.Process]) -> None:
    """Kill those that still run; psutil refuses a pid that was given to another process."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; one that only waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_ended(processes: list[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until processes have ended, also those of other parents; gives those that have not."""
    deadline = time.monotonic() + timeout_s
    while alive := [process for process in processes if is_alive(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_INTERVAL_S)
    return alive


def tail(path: Path, line_count: int = QUOTED_LINE_COUNT) -> str:
    """Give the last lines of a text file, or say that there are none."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    return "\n".join(lines[-line_count:]) or "(no output)"
