"""What of a broker's definitions belongs to devices, and how it gets into another virtual host."""

from typing import Any

from weir.rabbitmq.definitions import into_vhost, of_devices

EVERYTHING: dict[str, Any] = {
    "users": [
        {"name": "weir-admin", "password_hash": "a", "tags": ["administrator"]},
        {"name": "weir", "password_hash": "b", "tags": []},
        {"name": "pump-1", "password_hash": "c", "tags": []},
    ],
    "permissions": [
        {"user": "weir", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
        {"user": "pump-1", "vhost": "/", "configure": "", "write": "^iot$", "read": "^iot$"},
        {"user": "pump-1", "vhost": "other", "configure": "", "write": "", "read": ""},
    ],
    "topic_permissions": [
        {"user": "pump-1", "vhost": "/", "exchange": "iot", "write": "^x$", "read": "^y$"}
    ],
    "queues": [
        {"name": "sensor.all.logs", "vhost": "/", "durable": True, "arguments": {}},
        {"name": "foreign", "vhost": "other", "durable": True, "arguments": {}},
    ],
    "global_parameters": [{"name": "cluster_name", "value": "rabbit@here"}],
}


def test_users_of_weir_and_other_virtual_hosts_stay_behind() -> None:
    chosen = of_devices(EVERYTHING, "/", ["weir"])
    assert ["pump-1"] == [user["name"] for user in chosen["users"]]
    assert ["pump-1"] == [each["user"] for each in chosen["permissions"]]
    assert ["sensor.all.logs"] == [queue["name"] for queue in chosen["queues"]]
    assert "global_parameters" not in chosen


def test_the_name_of_the_virtual_host_is_that_of_the_new_one() -> None:
    placed = into_vhost(of_devices(EVERYTHING, "/", ["weir"]), "harbour")
    names = {item["vhost"] for kind, items in placed.items() if kind != "users" for item in items}
    assert {"harbour"} == names


def test_nothing_saved_is_nothing_loaded() -> None:
    assert [] == [item for items in into_vhost({}, "/").values() for item in items]
