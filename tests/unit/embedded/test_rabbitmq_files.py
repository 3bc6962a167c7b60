"""What a private node reads at its start."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from weir.embedded.rabbitmq_files import (
    ADMIN_USER,
    SERVICE_RESOURCES,
    SERVICE_USER,
    RabbitmqPorts,
    definitions_json,
    hash_password,
    local_settings,
)
from weir.rabbitmq.topology import topology


def test_a_password_is_hashed_as_rabbitmq_does() -> None:
    raw = base64.b64decode(hash_password("geheim"))
    salt, digest = raw[:4], raw[4:]
    assert digest == hashlib.sha256(salt + b"geheim").digest()
    assert hash_password("geheim") != hash_password("geheim")


def test_definitions_have_no_password_and_only_one_administrator() -> None:
    text = definitions_json({ADMIN_USER: "geheim-1", SERVICE_USER: "geheim-2"})
    assert "geheim" not in text
    tags = {user["name"]: user["tags"] for user in json.loads(text)["users"]}
    assert tags == {ADMIN_USER: "administrator", SERVICE_USER: ""}


def test_services_may_use_everything_that_weir_declares() -> None:
    wanted = topology(3)
    names = [queue.name for queue in wanted.queues]
    names += [exchange.name for exchange in wanted.exchanges]
    assert [name for name in names if not re.search(SERVICE_RESOURCES, name)] == []


@pytest.mark.parametrize("name", ["iota", "sensors", "somebody.iot", "amq.topic", ""])
def test_services_may_use_nothing_else(name: str) -> None:
    assert not re.search(SERVICE_RESOURCES, name)


def test_every_listener_is_on_loopback() -> None:
    ports = RabbitmqPorts(*range(1, 8))
    settings = local_settings(ports, Path("definitions.json"))
    listeners = [line for line in settings.splitlines() if ".listeners." in f".{line}"]
    assert len(listeners) == 3
    assert all("= 127.0.0.1:" in line for line in listeners)
    for kind in ("management", "prometheus"):
        assert f"{kind}.tcp.ip = 127.0.0.1" in settings
