"""The private broker and database of a run: started, killed in several ways, started again."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from weir.embedded.account import server_account
from weir.embedded.ports import free_ports
from weir.embedded.postgres_server import PostgresServer
from weir.embedded.process import ChildProcess, ProcessSpec, descendants
from weir.embedded.rabbitmq_files import RabbitmqPorts
from weir.embedded.rabbitmq_node import RabbitmqNode
from weir.errors import ProcessError

_READY_TIMEOUT_S = 60.0
_STOP_GRACE_S = 30.0
#: A postmaster that was killed alone leaves sessions, and none can start beside them.
_START_ATTEMPT_COUNT = 10
_START_RETRY_S = 0.5


class Server:
    """One server process on a folder that outlives it; its faults take turns."""

    def __init__(self, spec: ProcessSpec, logs: Path) -> None:
        self.turn = asyncio.Lock()
        self._spec = spec
        self._log_path = logs / f"{spec.name}.log"
        self._child: ChildProcess | None = None

    async def start(self) -> None:
        """Return when it answers."""
        for attempt in range(1, _START_ATTEMPT_COUNT + 1):
            self.prepare()
            with self._log_path.open("ab") as log:
                self._child = ChildProcess(self._spec, log)
            try:
                await asyncio.to_thread(self._child.wait_ready, _READY_TIMEOUT_S, self._log_path)
            except ProcessError:
                self._child.kill()
                if attempt == _START_ATTEMPT_COUNT:
                    raise
                await asyncio.sleep(_START_RETRY_S)
            else:
                return

    async def wait_ready(self) -> None:
        """Return when it answers again without a restart."""
        if self._child is not None:
            await asyncio.to_thread(self._child.wait_ready, _READY_TIMEOUT_S, self._log_path)

    async def stop(self) -> None:
        """Stop it in good order."""
        if self._child is not None:
            await asyncio.to_thread(self._child.stop, _STOP_GRACE_S)

    def kill(self) -> None:
        """End it with everything below it, by SIGKILL."""
        if self._child is not None:
            self._child.kill()

    def kill_alone(self) -> None:
        """End the main process by SIGKILL; those below it must notice by themselves."""
        if self._child is not None and self._child.exit_code is None:
            os.kill(self._child.pid, signal.SIGKILL)

    def prepare(self) -> None:
        """Clear what a killed server left."""

    def processes_below(self) -> list[psutil.Process]:
        return [] if self._child is None else descendants(self._child.pid)


class Broker(Server):
    """RabbitMQ; its port mapper is never killed."""

    def __init__(self, folder: Path) -> None:
        self.node = RabbitmqNode(
            folder / "rabbitmq", RabbitmqPorts.free(), folder / "secrets", server_account()
        )
        self.node.prepare()
        super().__init__(self.node.server(), folder)
        self.mapper = Server(self.node.epmd(), folder)


class Database(Server):
    """PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports(1)
        self.postgres = PostgresServer(
            folder / "postgres", port, folder / "secrets", server_account()
        )
        self.postgres.prepare()
        super().__init__(self.postgres.server(), folder)

    def prepare(self) -> None:
        self.postgres.prepare()

    def kill_session(self, pid: int) -> None:
        """End one session's process by SIGKILL: PostgreSQL then ends all, and recovers."""
        for process in self.processes_below():
            if process.pid == pid:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
