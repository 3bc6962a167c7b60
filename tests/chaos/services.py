"""The processes under test: consumers and publishers, each behind proxies of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.chaos.account import Account, read_account
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Broker, Database
from weir.embedded.process import tail
from weir.paths import ROOT

#: A service that does not end on SIGTERM within this time has not stopped in good order.
STOP_TIMEOUT_S = 15.0


class Process:
    """A process that may be killed at any moment, and must never end by itself otherwise."""

    def __init__(
        self, label: str, argv: tuple[str, ...], logs: Path, settings: Mapping[str, str]
    ) -> None:
        self.label = label
        self.crashes: list[str] = []
        self.is_wanted = False
        self._argv = argv
        inherited = {key: value for key, value in os.environ.items() if key[:5] != "WEIR_"}
        self._environ = {**inherited, **settings}
        self._log_path = logs / f"{label}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless another fault has done so."""
        if self._process is not None and self._process.poll() is None:
            return
        self._close_input()
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                (sys.executable, "-m", *self._argv),
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.is_wanted = True

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    @property
    def log_text(self) -> str:
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def kill(self) -> None:
        """Send SIGKILL; safe to call from a trap, and twice."""
        self.is_wanted = False
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)

    def pause(self) -> None:
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def note_crash(self) -> bool:
        """Note that it ended although nobody killed it."""
        if not self.is_wanted or self.exit_code is None:
            return False
        self.is_wanted = False
        self.crashes.append(f"{self.label} ended with {self.exit_code}:\n{tail(self._log_path)}")
        return True

    def stop(self) -> None:
        """Ask it to stop and wait; notes it as a crash when it does not, or not well."""
        self.is_wanted = False
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            code = None
        # One that is still being imported has no handler for the signal yet.
        if code != 0 and not (code == -signal.SIGTERM and not self.log_text):
            self.crashes.append(f"{self.label} stopped with {code}:\n{tail(self._log_path)}")

    def say(self, line: bytes) -> None:
        """Write a line to its standard input."""
        if self._process is not None and self._process.stdin is not None:
            # It may have been killed.
            with suppress(OSError):
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def reap(self) -> None:
        """Wait for a process that was killed."""
        if self._process is not None:
            self._process.wait()
            self._close_input()

    def _close_input(self) -> None:
        # What was not read any more is of no interest.
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)


@dataclass(slots=True)
class Proxies:
    """Where a consumer finds the broker and the database."""

    amqp: Proxy
    stream: Proxy
    postgres: Proxy

    def all(self) -> tuple[Proxy, ...]:
        return (self.amqp, self.stream, self.postgres)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where broker and database are, behind proxies, and how the broker is divided."""

    broker: Broker
    database: Database
    partition_count: int

    def settings(self, proxies: Proxies) -> dict[str, str]:
        return {
            "WEIR_AMQP_URL": through(proxies.amqp, self.broker.node.amqp_url),
            "WEIR_STREAM_URL": through(proxies.stream, self.broker.node.stream_url),
            "WEIR_POSTGRES_URL": through(proxies.postgres, self.database.postgres.url("weir_app")),
            "WEIR_PARTITION_COUNT": str(self.partition_count),
        }


class Consumer(Process):
    """One consumer process."""

    def __init__(self, label: str, name: str, logs: Path, addresses: Addresses) -> None:
        ports = addresses.broker.node.ports
        self.proxies = Proxies(
            Proxy(ports.amqp), Proxy(ports.stream), Proxy(addresses.database.postgres.port)
        )
        super().__init__(label, ("weir", "run", name), logs, addresses.settings(self.proxies))


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a publisher is going to send, and how fast."""

    seed: int
    number: int
    origin_us: int
    reading_count: int
    rate: float


class Publisher(Process):
    """One publisher process with its account."""

    def __init__(self, assignment: Assignment, logs: Path, proxy: Proxy, url: str) -> None:
        self.assignment = assignment
        self.account_path = logs / f"account-{assignment.number}"
        self.proxy = proxy
        arguments = (
            assignment.seed,
            assignment.number,
            assignment.origin_us,
            assignment.reading_count,
            assignment.rate,
            self.account_path,
            through(proxy, url),
        )
        argv = ("tests.chaos.publisher", *map(str, arguments))
        super().__init__(f"publisher-{assignment.number}", argv, logs, {})

    @property
    def is_done(self) -> bool:
        return self.exit_code == 0

    @property
    def account(self) -> Account:
        return read_account(self.account_path)

    def note_crash(self) -> bool:
        return False if self.is_done else super().note_crash()


def through(proxy: Proxy, url: str) -> str:
    """Lead an address through a proxy."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    host = f"{host.partition(':')[0]}:{proxy.port}"
    return parts._replace(netloc=f"{login}@{host}" if login else host).geturl()
