"""The state file, the lock, and recognising a process after its supervisor has died."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from weir.embedded.leftovers import end_leftovers
from weir.embedded.lifecycle import PartState
from weir.embedded.lock import folder_lock
from weir.embedded.state import (
    PartStatus,
    ProcessIdentity,
    StackState,
    read_state,
    write_state,
)
from weir.errors import ConfigError

NOW = datetime(2026, 3, 14, tzinfo=UTC)
SLEEPER = [sys.executable, "-c", "input()"]


def state_with(*processes: ProcessIdentity) -> StackState:
    return StackState(
        supervisor=ProcessIdentity.of_this_process(),
        started_at=NOW,
        updated_at=NOW,
        is_ready=True,
        gateway_url="http://127.0.0.1:8080",
        management_url="http://127.0.0.1:15672",
        mqtt_url="mqtt://127.0.0.1:1883",
        credentials={"gateway": Path("gateway-token")},
        parts=[
            PartStatus(
                name=f"part-{index}",
                state=PartState.READY,
                since=NOW,
                process=process,
                log=Path("part.log"),
            )
            for index, process in enumerate(processes)
        ],
    )


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    state = state_with(ProcessIdentity.of_this_process())
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state
    assert state.is_running


def test_a_spoilt_state_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_state(tmp_path)


def test_a_recorded_process_is_ended() -> None:
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) as sleeper:
        identity = ProcessIdentity.of(sleeper.pid)
        assert identity is not None
        assert end_leftovers(state_with(identity)) == ["part-0"]
        assert identity.find() is None


def test_a_process_with_a_recorded_pid_but_another_birth_is_left_alone() -> None:
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) as sleeper:
        identity = ProcessIdentity.of(sleeper.pid)
        assert identity is not None
        older = identity.model_copy(update={"created": identity.created - 60.0})
        assert end_leftovers(state_with(older)) == []
        assert sleeper.poll() is None
        sleeper.communicate(b"\n")
        assert sleeper.returncode == 0


def test_without_a_state_there_is_nothing_to_end() -> None:
    assert end_leftovers(None) == []


def test_a_locked_folder_names_who_holds_it(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path),
        pytest.raises(ConfigError, match=f"runs already on .* .pid {os.getpid()}."),
        folder_lock(tmp_path),
    ):
        pass
    with folder_lock(tmp_path):
        pass
