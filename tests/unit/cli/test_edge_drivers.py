"""`iotctl edge drivers` and `iotctl edge test`: what they list, print and refuse."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from weir.paths import ROOT


def run(
    capsys: pytest.CaptureFixture[str], *arguments: str, code: int | None = 0
) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["edge", *arguments])
    printed = capsys.readouterr()
    assert code == ended.value.code, printed.err
    return printed.out, printed.err


def test_all_drivers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys, "drivers")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "sleep, awake, change_sample_frequency" in lines["vibration"]
    assert "by settings" in lines["modbus_tcp"]
    assert "memory.total, 6 more" in lines["system"]


def test_a_driver_is_told_whole_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    driver = json.loads(run(capsys, "drivers", "vibration", "-o", "json")[0])
    assert ["acceleration", "temperature"] == [field["field"] for field in driver["fields"]]
    assert "duration_s" in driver["commands"][0]["parameters_schema"]["properties"]
    assert "sample_rate_hz" in driver["configuration_schema"]["properties"]


def test_a_driver_explains_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(capsys, "drivers", "modbus_tcp")
    lines = {line.split()[0]: line.split()[1:4] for line in out.splitlines() if line}
    assert ["string", "required", "name"] == lines["host"]
    assert ["holding|input|coil|discrete", "holding", "holding,"] == lines["Register.table"]
    assert ["Register", "by", "name"] == lines["registers"]
    assert "depend on its settings" in err


def test_one_poll_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "signal.yaml"
    config.write_text(
        "sample_rate_hz: 1\n"
        "signals:\n"
        "  level: {waveform: constant, value: 3, unit: m}\n"
        "  pump.rate: {waveform: constant, value: 1}\n"
    )
    arguments = ("test", "signal", "--config", str(config), "-s", "signals.level.value=4.5")
    out, err = run(capsys, *arguments)
    rows = [line.split() for line in out.splitlines()]
    assert ["FIELD", "VALUE", "UNIT", "TIME"] == rows[0]
    assert [["level", "4.5", "m"], ["pump.rate", "1", "-"]] == [row[:3] for row in rows[1:]]
    assert "polled in" in err


def test_events_and_places_are_printed_and_given_to_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = [{"latitude_deg": 0, "longitude_deg": 0}, {"latitude_deg": 0, "longitude_deg": 1}]
    setting = f"waypoints={json.dumps(places)}"
    assert "location  " in run(capsys, "test", "gps_track", "-s", setting)[0]
    data = json.loads(run(capsys, "test", "gps_track", "-s", setting, "-o", "json")[0])
    assert 90.0 == pytest.approx(data["locations"][0]["heading_deg"])


def exec_of(code: str) -> str:
    return f"command={json.dumps([sys.executable, '-c', code])}"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("toaster",), 78, "there is no driver 'toaster'"),
        (("modbus_tcp",), 78, "host"),
        (("signal", "-s", "no_such=1"), 78, "no_such"),
        (("signal", "-s", "nonsense"), 78, "write KEY=VALUE"),
        (("signal", "--config", "/no/such/file"), 78, "/no/such/file: No such file"),
        (("exec", "-s", exec_of("print('{')")), 1, "not JSON"),
        (("exec", "-s", exec_of("raise SystemExit('no sensor')")), 1, "no sensor"),
        (
            ("exec", "-s", exec_of("input()\nwhile True: pass"), "--timeout", "0.3"),
            1,
            "EOFError|no answer within 0.3 s",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, said: str
) -> None:
    _, err = run(capsys, "test", *arguments, code=code)
    assert any(part in err for part in said.split("|"))
    assert "Traceback" not in err.partition("ended with")[0]


def test_a_poll_has_a_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    setting = exec_of("while True: pass")
    _, err = run(capsys, "test", "exec", "-s", setting, "--timeout", "0.3", code=1)
    assert "no answer within 0.3 s: --timeout allows more" in err


def test_a_configuration_that_is_no_mapping_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    documents: list[Any] = ["[1]", "a: [", "\x00"]
    for number, text in enumerate(documents):
        config = tmp_path / f"{number}.yaml"
        config.write_text(text)
        _, err = run(capsys, "test", "signal", "--config", str(config), code=78)
        assert str(config) in err


#: Refuses what only an edge agent or a server has installed.
BARE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"aiomqtt", "paho", "numpy"} or name == "google.protobuf":
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Missing())
from cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("group", ["edge", "simulate"])
def test_a_bare_install_can_be_asked_for_help(group: str) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", BARE, group, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Usage: iotctl" in outcome.stdout, outcome.stderr
