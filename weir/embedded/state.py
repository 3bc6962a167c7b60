"""What runs where: the file that `iotctl up` rewrites every second and others read.

It holds no secret: only where the secrets are.
"""

import os
from datetime import datetime
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from weir.embedded.lifecycle import PartState
from weir.embedded.process import is_alive
from weir.errors import ConfigError

STATE_FILE = "state.json"
#: The system tells when a process was created to a hundredth of a second, counted from a start of
#: the machine that it knows to a second.
CREATED_TOLERANCE_S = 2.0


class ProcessIdentity(BaseModel):
    """A process, and no other that gets its pid later: `created` is in seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity | None":
        """Look at a process; `None` when it has ended."""
        try:
            return cls(pid=pid, created=psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def of_this_process(cls) -> "ProcessIdentity":
        """Look at ourselves."""
        return cls(pid=os.getpid(), created=psutil.Process().create_time())

    def find(self) -> psutil.Process | None:
        """Give the process when it still runs."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.created) < CREATED_TOLERANCE_S
        except psutil.NoSuchProcess:
            return None
        return process if is_same and is_alive(process) else None


class PartStatus(BaseModel):
    """One part, as it is.

    Attributes:
        since: when `state` was entered.
        exit_code: of its last end; negative for a signal.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    state: PartState
    since: datetime
    process: ProcessIdentity | None = None
    port: int | None = None
    restart_count: int = 0
    exit_code: int | None = None
    readings_per_s: float | None = None
    lag_s: float | None = None
    log: Path


class StackState(BaseModel):
    """The whole system, as it is.

    Attributes:
        is_ready: every part was ready at once since the start.
        credentials: what each file in the folder of secrets is for.
    """

    model_config = ConfigDict(frozen=True)

    supervisor: ProcessIdentity
    started_at: datetime
    updated_at: datetime
    is_ready: bool
    gateway_url: str
    management_url: str
    mqtt_url: str
    credentials: dict[str, Path]
    parts: list[PartStatus]

    @property
    def is_running(self) -> bool:
        """Tell whether the supervisor that wrote this still runs."""
        return self.supervisor.find() is not None


def read_state(folder: Path) -> StackState | None:
    """Read the state of the system in a folder; `None` when there is none.

    Raises:
        ConfigError: the file cannot be read.
    """
    path = folder / STATE_FILE
    try:
        return StackState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def write_state(folder: Path, state: StackState) -> None:
    """Replace the state at once: a reader sees the old one or the new one."""
    draft = folder / f"{STATE_FILE}.new"
    draft.write_text(state.model_dump_json(indent=1), encoding="utf-8")
    draft.replace(folder / STATE_FILE)
