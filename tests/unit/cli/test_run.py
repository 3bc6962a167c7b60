"""What `iotctl run` takes on one command line."""

import subprocess
import sys

import pytest

from weir.paths import ROOT


@pytest.mark.parametrize(
    ("names", "code", "told"),
    [
        (("logs", "gateway"), 2, "gateway is no consumer, and only those share a process"),
        (("logs", "gaps", "logs"), 2, "named twice: logs, gaps, logs"),
        (("logs", "nothing"), 2, "nothing is no consumer"),
        (("gaps", "logs"), 78, "WEIR_AMQP_URL is not set"),
    ],
)
def test_names_that_cannot_run_together_are_refused(
    names: tuple[str, ...], code: int, told: str
) -> None:
    command = [sys.executable, "-m", "weir", "run", *names]
    ran = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert (code, True) == (ran.returncode, told in ran.stderr), ran.stderr
