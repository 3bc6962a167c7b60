"""Where a device connects to, read out of one URL."""

import pytest

from weir.errors import ConfigError, WrongSerialError
from weir.mqtt.address import MqttAddress


def test_a_device_shows_its_serial_where_the_address_names_nobody() -> None:
    address = MqttAddress.of_device("mqtt://broker.example", "pump-7", "secret")
    assert ("broker.example", 1883, False) == (address.host, address.port, address.is_tls)
    assert ("pump-7", "pump-7", "secret") == (
        address.client_id,
        address.username,
        address.password,
    )


def test_a_user_in_the_address_is_shown_instead() -> None:
    address = MqttAddress.of_device("mqtt://weir:p%40ss@[::1]:1884", "pump-7", "unused")
    assert ("::1", 1884, "weir", "p@ss") == (
        address.host,
        address.port,
        address.username,
        address.password,
    )
    assert "pump-7" == address.client_id


def test_tls_has_a_port_of_its_own() -> None:
    address = MqttAddress.of_device("mqtts://broker.example", "pump-7")
    assert (8883, True) == (address.port, address.is_tls)


def test_a_virtual_host_becomes_part_of_the_user_name() -> None:
    assert "lab:pump-7" == MqttAddress.of_device("mqtt://h/lab", "pump-7").username
    assert "lab:weir" == MqttAddress.of_device("mqtt://weir:x@h/lab", "pump-7").username


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(MqttAddress.of_device("mqtt://h", "pump-7", "secret"))


def test_each_node_of_a_cluster_has_an_address() -> None:
    address = MqttAddress.of_device("mqtts://weir:x@one,two:8884/lab", "pump-7")
    assert [("one", 8883), ("two", 8884)] == [(each.host, each.port) for each in address.each()]
    assert {("lab:weir", "x", True)} == {
        (each.username, each.password, each.is_tls) for each in address.each()
    }
    assert "one:8883, two:8884" == address.hosts


@pytest.mark.parametrize("url", ["", "h:1883", "http://h", "mqtt://", "mqtt://h:port"])
def test_other_addresses_are_config_errors(url: str) -> None:
    with pytest.raises(ConfigError):
        MqttAddress.of_device(url, "pump-7")


def test_a_serial_may_not_be_a_pattern() -> None:
    with pytest.raises(WrongSerialError):
        MqttAddress.of_device("mqtt://h", ".*")
