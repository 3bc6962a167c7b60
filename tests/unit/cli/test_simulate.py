"""`iotctl simulate`: its options, where it finds a broker, and how it reads downloads."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import _fleet_server
from cli._fleet_broker import find_broker
from cli._fleet_server import _lines
from cli.main import main
from cli.simulate import _connections, _seconds
from weir.errors import ConfigError, GatewayUnavailableError

LOGIN = "mqtt://fleet:secret@broker:1883"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("90", 90),
        ("0.5s", 0.5),
        ("10m", 600),
        ("10m5", 605),
        ("1h30m", 5_400),
        ("31d", 2_678_400),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert seconds == _seconds(text)


@pytest.mark.parametrize("text", ["", "0s", "soon", "-1s", "32d", "1m1h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--duration"):
        _seconds(text)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1001", ""])
def test_what_is_no_number_of_connections_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--connections"):
        _connections(text)


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("1000", 1_000), ("each", 0)])
def test_connections_are_a_number_or_one_for_each(text: str, count: int) -> None:
    assert count == _connections(text)


def test_a_broker_of_the_environment_needs_somebody_who_lets_a_fleet_in() -> None:
    assert find_broker({"WEIR_MQTT_URL": LOGIN}).management_url is None
    both = {"WEIR_MQTT_URL": "mqtt://broker", "WEIR_MANAGEMENT_URL": "http://a:b@broker:15672/"}
    assert "http://a:b@broker:15672/" == find_broker(both).management_url
    with pytest.raises(ConfigError, match="who may publish for a fleet"):
        find_broker({"WEIR_MQTT_URL": "mqtt://broker"})


def test_the_system_on_this_machine_is_found(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="iotctl up"):
        find_broker({"WEIR_DATA": str(tmp_path)})
    state = {"mqtt_url": "mqtt://127.0.0.1:1884", "management_url": "http://127.0.0.1:15673"}
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "rabbitmq-weir-admin").write_text("p/w\n")
    broker = find_broker({"WEIR_DATA": str(tmp_path)})
    assert "mqtt://127.0.0.1:1884" == broker.mqtt_url
    assert "http://weir-admin:p%2Fw@127.0.0.1:15673/" == broker.management_url
    assert "p%2Fw" not in repr(broker)


def test_a_download_is_cut_into_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [b"a,b\n1,", b"2\n3", b",4\n", b"5,6"]
    assert ["a,b", "1,2", "3,4", "5,6"] == list(_lines(iter(pieces)))
    monkeypatch.setattr(_fleet_server, "_LINE_BYTES_MAX", 10)

    def endless() -> Iterator[bytes]:
        yield b"x" * 11

    with pytest.raises(GatewayUnavailableError, match="without an end"):
        list(_lines(endless()))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--faults", "slow=1%"], "no fault 'slow'"),
        (["--devices", "0"], "--devices 0: from 1"),
        (["--duration", "soon"], "--duration soon"),
        (["verify", "/no/such/file"], "/no/such/file: No such file"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *arguments])
    assert 78 == ended.value.code
    assert said in capsys.readouterr().err
