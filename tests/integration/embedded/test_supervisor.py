"""Supervision of real processes that do nothing."""

import errno
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import structlog

from weir.clock import SystemClock
from weir.embedded.lifecycle import PartState
from weir.embedded.process import ProcessSpec, is_alive
from weir.embedded.stack import Part
from weir.embedded.state import PartStatus
from weir.embedded.supervisor import Supervisor
from weir.testing.conditions import wait_until

RUN = "import time; time.sleep(600)"
IGNORE_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {RUN}"
RUN_WITH_CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {RUN!r}]); {RUN}"


def part_of(folder: Path, name: str, program: str, *after: str, is_task: bool = False) -> Part:
    spec = ProcessSpec(name=name, argv=(sys.executable, "-c", program), environ={}, cwd=folder)
    return Part(spec, folder / f"{name}.log", after=after, is_task=is_task)


class Watch:
    """Keeps what the supervisor has reported."""

    def __init__(self) -> None:
        self.history: list[dict[str, PartStatus]] = []

    def report(self, parts: list[PartStatus]) -> None:
        self.history.append({part.name: part for part in parts})

    def now(self, name: str) -> PartStatus:
        return self.history[-1][name]

    def is_ready(self, name: str) -> bool:
        return bool(self.history) and self.now(name).state is PartState.READY

    def process(self, name: str) -> psutil.Process:
        identity = self.now(name).process
        assert identity is not None
        return psutil.Process(identity.pid)


@contextmanager
def supervised(*parts: Part, watch: Watch | None = None) -> Iterator[Watch]:
    watch = watch or Watch()
    stop = threading.Event()
    supervisor = Supervisor(parts, SystemClock(), structlog.get_logger())
    thread = threading.Thread(target=supervisor.run, args=(stop, watch.report))
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()


def test_a_part_starts_when_those_before_it_are_up(tmp_path: Path) -> None:
    with supervised(
        part_of(tmp_path, "server", RUN),
        part_of(tmp_path, "setup", "print('done')", "server", is_task=True),
        part_of(tmp_path, "service", RUN, "setup"),
    ) as watch:
        wait_until(lambda: watch.is_ready("service"))
        assert watch.now("setup").state is PartState.DONE
    for parts in watch.history:
        if parts["setup"].process:
            assert parts["server"].state is PartState.READY
        if parts["service"].process:
            assert parts["setup"].state is PartState.DONE
    assert (tmp_path / "setup.log").read_text() == "done\n"


def test_a_killed_part_is_started_again(tmp_path: Path) -> None:
    with supervised(part_of(tmp_path, "service", RUN)) as watch:
        wait_until(lambda: watch.is_ready("service"))
        first = watch.process("service")
        first.kill()
        wait_until(lambda: watch.now("service").restart_count == 1)
        wait_until(lambda: watch.is_ready("service"))
        assert watch.process("service").pid != first.pid
        assert watch.now("service").exit_code == -signal.SIGKILL


def test_services_that_share_a_process_are_told_one_by_one(tmp_path: Path) -> None:
    part = replace(part_of(tmp_path, "consumers", RUN), members=("gaps", "logs"))
    with supervised(part) as watch:
        wait_until(lambda: watch.is_ready("logs"))
        assert ["gaps", "logs"] == list(watch.history[-1])
        assert watch.process("gaps").pid == watch.process("logs").pid
        watch.process("gaps").kill()
        wait_until(lambda: watch.now("logs").restart_count == 1)


def test_a_program_that_is_missing_is_tried_again_and_shown(tmp_path: Path) -> None:
    spec = ProcessSpec(name="service", argv=("/nowhere",), environ={}, cwd=tmp_path)
    with supervised(Part(spec, tmp_path / "service.log")) as watch:
        wait_until(lambda: bool(watch.history) and watch.now("service").restart_count >= 1)
        assert watch.now("service").exit_code == 127


def test_everything_has_ended_after_a_stop(tmp_path: Path) -> None:
    with supervised(
        part_of(tmp_path, "epmd", RUN),
        part_of(tmp_path, "rabbitmq", RUN_WITH_CHILD, "epmd"),
        part_of(tmp_path, "service", RUN, "rabbitmq"),
    ) as watch:
        wait_until(lambda: watch.is_ready("service"))
        server = watch.process("rabbitmq")
        (child,) = wait_until(server.children)
        processes = [watch.process("epmd"), server, child, watch.process("service")]
    wait_until(lambda: not any(is_alive(process) for process in processes))
    states = [part.state for part in watch.history[-1].values()]
    assert states == [PartState.STOPPED] * 3
    ends = [
        next(index for index, parts in enumerate(watch.history) if _has_stopped(parts[name]))
        for name in ("service", "rabbitmq", "epmd")
    ]
    assert ends == sorted(ends)


def test_a_full_disk_neither_ends_supervision_nor_leaves_a_process(tmp_path: Path) -> None:
    class FullDisk(Watch):
        def report(self, parts: list[PartStatus]) -> None:
            super().report(parts)
            raise OSError(errno.ENOSPC, "no space left on device")

    with supervised(part_of(tmp_path, "service", RUN), watch=FullDisk()) as watch:
        wait_until(lambda: watch.is_ready("service"))
        first = watch.process("service")
        first.kill()
        wait_until(lambda: watch.now("service").restart_count == 1)
        wait_until(lambda: watch.is_ready("service"))
        second = watch.process("service")
    assert not is_alive(second)


def test_a_part_that_ignores_the_wish_to_stop_is_killed(tmp_path: Path) -> None:
    with supervised(part_of(tmp_path, "service", IGNORE_SIGTERM)) as watch:
        wait_until(lambda: watch.is_ready("service"))
        process = watch.process("service")
    assert not is_alive(process)


def _has_stopped(part: PartStatus) -> bool:
    return part.state is PartState.STOPPED and part.process is None
