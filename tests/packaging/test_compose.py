"""compose.yaml describes the system that `iotctl up` starts.

Where no container engine is, this is what can be checked: `make check` compares the file with the
schema of the compose specification, and here it is compared with the rest of the repository.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import main
from weir import registry
from weir.config import variable_names
from weir.embedded.rabbitmq_files import definitions_json
from weir.testing import containers

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("weir:")]


def mounts() -> Iterator[str]:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                yield source


def test_what_is_mounted_is_there() -> None:
    assert [] == [source for source in mounts() if not (ROOT / source).is_file()]


@pytest.mark.parametrize("service", OURS)
def test_every_setting_is_known(service: str) -> None:
    assert set() == SERVICES[service]["environment"].keys() - set(variable_names())


@pytest.mark.parametrize("service", OURS)
def test_every_command_is_one_of_iotctl(service: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*SERVICES[service]["command"], "--help"])
    assert 0 == caught.value.code


def test_every_consumer_and_the_gateway_run() -> None:
    commands = (SERVICES[name]["command"] for name in OURS)
    # Light consumers may share a service.
    running = {name for command in commands if command[0] == "run" for name in command[1:]}
    assert {*registry.names("consumers"), "gateway"} == running


def test_secrets_have_no_defaults() -> None:
    required = set(re.findall(r"\$\{(\w+):\?[^}]+\}", TEXT))
    used = set(re.findall(r"\$\{(\w+)", TEXT))
    assert required == used
    assert ":-" not in TEXT


def test_only_loopback_is_published() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]


def test_the_images_are_those_that_the_tests_use() -> None:
    assert containers.RABBITMQ_IMAGE == SERVICES["rabbitmq"]["image"]
    assert containers.POSTGRES_IMAGE == SERVICES["postgres"]["image"]


def test_the_users_of_the_broker_are_those_of_a_private_node() -> None:
    text = COMPOSE["configs"]["rabbitmq-definitions"]["content"]
    containers_own = json.loads(re.sub(r"\$\{[^}]+\}", "x", text).replace("$$", "$"))
    private = json.loads(definitions_json({"weir-admin": "x", "weir": "x"}))
    for user in private["users"]:
        user.pop("password_hash")
        user.pop("hashing_algorithm")
    for user in containers_own["users"]:
        user.pop("password")
    assert private == containers_own
