"""Stop a system that runs in the background, or what is left of one; delete its folder."""

import contextlib
import shutil
from pathlib import Path

import psutil

from weir.embedded.leftovers import end_leftovers
from weir.embedded.lock import LOCK_FILE, folder_lock
from weir.embedded.process import wait_ended
from weir.embedded.state import STATE_FILE, read_state
from weir.errors import ConfigError, ProcessError

#: The supervisor itself takes less than 10 s.
STOP_TIMEOUT_S = 20.0


def stop_stack(folder: Path) -> list[str]:
    """Stop everything that runs on a folder; gives the names of the parts that ran.

    Raises:
        ProcessError: the supervisor does not end.
    """
    state = read_state(folder)
    if state is None:
        return []
    names = [part.name for part in state.parts if part.process and part.process.find()]
    supervisor = state.supervisor.find()
    if supervisor:
        with contextlib.suppress(psutil.NoSuchProcess):
            supervisor.terminate()
        if wait_ended([supervisor], STOP_TIMEOUT_S):
            raise ProcessError(
                f"iotctl up (pid {supervisor.pid}) still runs after {STOP_TIMEOUT_S:g} s"
            )
    end_leftovers(read_state(folder))
    (folder / STATE_FILE).unlink(missing_ok=True)
    return names


def purge_folder(folder: Path) -> None:
    """Delete a folder of `iotctl up` with all that is in it.

    Raises:
        ConfigError: it is in use, or `iotctl up` has never used it.
    """
    if not folder.exists():
        return
    if not (folder / LOCK_FILE).is_file():
        raise ConfigError(f"{folder} is no folder of iotctl up: it is left alone")
    with folder_lock(folder):
        shutil.rmtree(folder)
