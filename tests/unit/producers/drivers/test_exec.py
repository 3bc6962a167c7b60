"""Commands that print, fail, hang, or print without end."""

import os
import random
import signal
import sys
from pathlib import Path

import pytest

from producers.drivers.exec import OUTPUT_BYTES_MAX, Exec, ExecConfiguration
from weir.driver import Poll
from weir.errors import DecodeError, DeviceUnavailableError
from weir.testing.conditions import eventually

POLL = Poll(1_795_248_000_000_000, 1_795_248_001_000_000)


def program(code: str, **settings: object) -> Exec:
    configuration = {"command": [sys.executable, "-c", code], **settings}
    return Exec(ExecConfiguration.model_validate(configuration), random.Random(1))


async def values(driver: Exec) -> dict[str, object]:
    return {item.name: item.values[0] for item in (await driver.read(POLL)).readings}


async def test_what_it_prints_is_read() -> None:
    code = "import os; print('{\"a\": ' + os.environ['A'] + '}')"
    assert {"a": 7} == await values(program(code, environment={"A": "7"}))


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("import sys; sys.exit('no sensor')", DeviceUnavailableError, "ended with 1: no sensor"),
        ("import os; os.kill(os.getpid(), 9)", DeviceUnavailableError, "ended with -9"),
        (f"print('x' * {OUTPUT_BYTES_MAX + 1})", DecodeError, "over 262144 bytes of output"),
        ("while True: print('x' * 65536)", DecodeError, "over 262144 bytes of output"),
        ("print('{')", DecodeError, r"not JSON.*the answer has 2 bytes: b'{\\n'"),
        ("print('[NaN]')", DecodeError, "not a finite number"),
        ("print('é')", DecodeError, "not JSON"),
    ],
)
async def test_what_goes_wrong_is_said(code: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        await program(code).read(POLL)


async def test_a_program_that_is_not_there_is_named() -> None:
    driver = Exec(ExecConfiguration(command=("/no/such/program",)), random.Random(1))
    with pytest.raises(DeviceUnavailableError, match="/no/such/program cannot be run"):
        await driver.read(POLL)


async def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, pathlib\n"
        "child = subprocess.Popen(['cat'], stdin=subprocess.PIPE)\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))\n"
        "child.wait()"
    )
    with pytest.raises(DeviceUnavailableError, match="did not end within 3 s, and was killed"):
        await program(code, timeout_s=3).read(POLL)
    child = Path("/proc") / pid_file.read_text()
    await eventually(lambda: not child.exists() or "Z" in (child / "stat").read_text().split()[2])


async def test_one_that_leaves_its_output_to_a_daemon_is_not_waited_for(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, pathlib\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))\n"
    )
    with pytest.raises(DeviceUnavailableError, match="did not end within 3 s"):
        await program(code, timeout_s=3).read(POLL)
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
