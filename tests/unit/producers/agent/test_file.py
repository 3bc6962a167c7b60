"""The configuration file: mistakes with their place, changes that keep what people wrote."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from producers.agent.check import check_certificates, check_file
from producers.agent.file import (
    FILE_BYTES_MAX,
    PREVIOUS_SUFFIX,
    AgentFile,
    parse_file,
    read_file,
    read_password,
    with_document,
    write_file,
)
from tests.integration.producers.authority import Authority, Pair
from weir.errors import ConfigError

TEXT = """\
# ours
broker: {url: "mqtt://127.0.0.1"}  # local
devices:
  # the pump
  - serial: pump-1
    driver: vibration
    interval_s: 1  # often
  # the other
  - serial: pump-2
    driver: vibration
    password_env: PUMP_2
# end
"""


def parsed(text: str = TEXT, name: str = "edge.yaml") -> AgentFile:
    return parse_file(Path(name), text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("broker: [", r"edge\.yaml: while parsing a flow node"),
        ("- 1", r"edge\.yaml: it must be a mapping"),
        ("devices: []", r"edge\.yaml: broker: Field required"),
        ("broker: {url: amqp://x}", r"broker\.url: String should match .*it is 'amqp://x'"),
        (TEXT.replace("pump-2", "pump-1"), "'pump-1' is there more than once"),
        (TEXT.replace("pump-2", "pump.2"), r"devices\.1\.serial: .*it is 'pump\.2'"),
        (TEXT.replace("interval_s: 1", "interval_s: 0"), r"devices\.0\.interval_s: .*0\.01"),
        (TEXT.replace("interval_s", "intervals"), r"devices\.0\.intervals: Extra inputs"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parsed(text)


def test_a_wrong_password_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(TEXT.replace("password_env: PUMP_2", "password: 12345"))
    assert "12345" not in str(caught.value)


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "edge.yaml"
    path.write_text(TEXT + "#" * FILE_BYTES_MAX)
    with pytest.raises(ConfigError, match="over 8388608 bytes"):
        read_file(path)


def test_another_document_leaves_comments_elsewhere() -> None:
    changed = with_document(parsed(), "pump-1", {"interval_s": 5, "settings": {"noise": 0.5}})
    assert (
        TEXT.replace(
            "    interval_s: 1  # often\n",
            "    interval_s: 5\n    settings:\n      noise: 0.5\n",
        )
        == changed.text
    )
    assert {"interval_s": 5, "settings": {"noise": 0.5}} == changed.document_of("pump-1")
    assert "PUMP_2" == changed.configuration.devices[1].password_env


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("edge.json", '{"broker": {"url": "mqtt://h"}, "devices": [%s]}'),
        ("edge.yaml", 'broker: {url: "mqtt://h"}\ndevices: [%s]\n'),
    ],
)
def test_other_layouts_are_written_anew(name: str, text: str) -> None:
    file = parsed(text % '{"serial": "pump-1", "driver": "vibration"}', name)
    changed = with_document(file, "pump-1", {"interval_s": 2.5})
    assert [2.5] == [device.interval_s for device in changed.configuration.devices]


def test_a_document_that_is_wrong_changes_nothing() -> None:
    with pytest.raises(ConfigError, match=r"devices\.0\.interval_s"):
        with_document(parsed(), "pump-1", {"interval_s": "often"})
    with pytest.raises(ConfigError, match="no device 'pump-3'"):
        with_document(parsed(), "pump-3", {})


def test_the_file_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "edge.yaml"
    path.write_text(TEXT)
    path.chmod(0o640)
    for interval_s in (2, 3):
        write_file(with_document(read_file(path), "pump-1", {"interval_s": interval_s}))
    assert 3 == read_file(path).configuration.devices[0].interval_s
    assert (
        2 == read_file(tmp_path / f"edge.yaml{PREVIOUS_SUFFIX}").configuration.devices[0].interval_s
    )
    assert 0o640 == path.stat().st_mode & 0o777


def test_passwords_come_from_files_and_variables(tmp_path: Path) -> None:
    file = parsed(TEXT.replace("interval_s: 1", f"password_file: {tmp_path / 'secret'}"))
    (tmp_path / "secret").write_text("hunter2\n")
    one, other = file.configuration.devices
    assert "hunter2" == read_password(one, file, {})
    assert "x" == read_password(other, file, {"PUMP_2": "x"})
    with pytest.raises(ConfigError, match="variable PUMP_2 is not set"):
        read_password(other, file, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("driver: vibration\n    interval", "driver: none\n    interval"), "no driver 'none'"),
        (("interval_s: 1", "settings: {x: 1}"), r"pump-1: configuration: settings\.x: Extra"),
        (("PUMP_2", "PUMP_3"), "PUMP_3 is not set"),
        (("broker: {", "spool: {path: /none/x}\nbroker: {"), "/none is no folder"),
        (('mqtt://127.0.0.1"', 'mqtts://h", ca: none.pem'), r"none\.pem: No such file"),
    ],
)
def test_a_check_finds_what_would_not_run(change: tuple[str, str], message: str) -> None:
    assert [] == check_file(parsed(), {"PUMP_2": "x"})
    problems: list[Any] = check_file(parsed(TEXT.replace(*change)), {"PUMP_2": "x"})
    assert 1 == len(problems)
    with pytest.raises(ConfigError, match=message):
        raise ConfigError(*problems)


@pytest.mark.parametrize(("days", "said"), [(30, "for 29 days"), (-1, "it has ended, on ")])
def test_a_check_tells_for_how_long_certificates_are_good(
    tmp_path: Path, days: int, said: str
) -> None:
    own = Pair(tmp_path / "edge.pem", tmp_path / "edge.key")
    Authority("ours").issue(own, "edge", timedelta(days=days))
    url = 'mqtts://h", certificate: edge.pem, key: edge.key'
    file = parse_file(tmp_path / "edge.yaml", TEXT.replace('mqtt://127.0.0.1"', url))
    now = datetime.now(UTC)  # noqa: TID251 - so are certificates made
    try:
        told = list(check_certificates(file, now))
    except ConfigError as error:
        told = list(error.problems)
    assert [True] == [said in each and "edge.pem" in each for each in told]
