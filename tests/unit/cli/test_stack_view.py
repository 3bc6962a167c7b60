"""What the screen of `iotctl up` says."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli._stack_screen import PlainScreen
from cli._stack_view import cells, headline
from weir.embedded.lifecycle import PartState
from weir.embedded.state import PartStatus, ProcessIdentity, StackState

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
PROCESS = ProcessIdentity(pid=4711, created=0.0)


def part(name: str, state: PartState, **fields: Any) -> PartStatus:
    return PartStatus(name=name, state=state, since=NOW, log=Path(f"/data/{name}.log"), **fields)


def stack(*parts: PartStatus, is_ready: bool = True) -> StackState:
    return StackState(
        supervisor=PROCESS,
        started_at=NOW,
        updated_at=NOW,
        is_ready=is_ready,
        gateway_url="http://127.0.0.1:8080",
        management_url="http://127.0.0.1:15672",
        mqtt_url="mqtt://127.0.0.1:1883",
        credentials={
            "gateway": Path("/data/token"),
            "admin": Path("/data/admin-password"),
            "management": Path("/data/password"),
        },
        parts=list(parts),
    )


CELLS = [
    (part("setup", PartState.DONE), ("setup", "done", "", "", "", "")),
    (
        part("measurements", PartState.READY, readings_per_s=12_345.6, lag_s=0.0123),
        ("measurements", "ready", "", "", "12,346", "12 ms"),
    ),
    (
        part("gateway", PartState.BACKING_OFF, port=8080, restart_count=2, exit_code=-9),
        ("gateway", "ended, signal 9", "8080", "2", "", ""),
    ),
    (part("logs", PartState.BACKING_OFF, exit_code=78), ("logs", "ended, code 78", *[""] * 4)),
    (part("logs", PartState.STOPPED, process=PROCESS), ("logs", "stopping", *[""] * 4)),
    (part("logs", PartState.READY, lag_s=90.0), ("logs", "ready", "", "", "", "90.0 s")),
]


@pytest.mark.parametrize(("status", "expected"), CELLS)
def test_a_part_is_told_in_a_row(status: PartStatus, expected: tuple[str, ...]) -> None:
    assert cells(status) == expected


HEADLINES = [
    ([part("a", PartState.READY), part("b", PartState.DONE)], "ready"),
    ([part("a", PartState.READY), part("b", PartState.STARTING)], "starting"),
    ([part("a", PartState.READY), part("b", PartState.STOPPED)], "stopping"),
    (
        [part("a", PartState.READY), part("b", PartState.BACKING_OFF)],
        "restarting b: see /data/b.log",
    ),
]


@pytest.mark.parametrize(("parts", "expected"), HEADLINES)
def test_the_headline_says_what_matters(parts: list[PartStatus], expected: str) -> None:
    assert headline(stack(*parts)) == expected


def test_plain_lines_tell_each_change_once(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainScreen() as screen:
        screen.show(stack(part("logs", PartState.WAITING), is_ready=False))
        for _ in range(3):
            screen.show(stack(part("logs", PartState.STARTING), is_ready=False))
        for _ in range(3):
            screen.show(stack(part("logs", PartState.READY)))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["logs", "starting"], ["logs", "ready"]]
    assert lines[2] == "ready after 0.0 s"
    assert len(lines) == 7
    assert lines[4] == "log in        as admin  (first password in /data/admin-password)"
