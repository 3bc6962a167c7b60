"""What `iotctl publish csv` is told, checked before anything connects."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.publish import app
from weir.errors import ConfigError, WrongSerialError

RUNNER = CliRunner()


def run(tmp_path: Path, *options: str) -> None:
    """Run the command on a small file; errors of ours come out as they are raised."""
    file = tmp_path / "file.csv"
    file.write_text("time,a\n1773500966,1\n")
    command = [str(file), "--serial", "pump-7", "--time-column", "time", *options]
    environ = {"WEIR_MQTT_URL": "mqtt://127.0.0.1:1"}
    RUNNER.invoke(app, command, env=environ, catch_exceptions=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--speed", "fast"), "--speed fast: a number above 0, or max"),
        (("--speed", "0"), "--speed 0: a number above 0"),
        (("--speed", "inf"), "--speed inf: a number above 0"),
        (("--timezone", "Atlantis"), "--timezone Atlantis: no such time zone"),
        (("--timezone", "../etc/passwd"), "no such time zone"),
        (("--delimiter", "ab"), "--delimiter ab: one character"),
        (("--decimal", ""), "--decimal : one character"),
        (("--starts-at", "2026-03-14", "--ends-now"), "exclude each other"),
        (("--column", "b"), "no column 'b'"),
    ],
)
def test_a_wrong_option_is_a_config_error(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, *options)


def test_a_serial_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongSerialError):
        run(tmp_path, "--serial", "a.b")
