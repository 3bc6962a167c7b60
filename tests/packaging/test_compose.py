"""compose.yaml describes the system that `iotctl up` starts.

Where no container engine is, this is what can be checked: `make check` compares the file with the
schema of the compose specification, here it is compared with the rest of the repository, and
`tests/e2e/test_compose_services.py` runs its commands in its environments.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from cli.main import main
from weir import registry
from weir.config import Settings, variable_names
from weir.embedded.rabbitmq_files import definitions_json
from weir.rabbitmq.access import device_rights
from weir.setting_files import SUFFIX
from weir.testing import containers

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("weir:")]
LASTING = [name for name, service in SERVICES.items() if service["restart"] != "no"]
SECRETS_FOLDER = "/run/secrets/"
ENGINE_SOCKET = "/var/run/docker.sock"
#: Their images have no program that could ask.
WITHOUT_PROBE = {"loki", "alloy"}
#: Of a container, not of a service of ours.
OTHER_VARIABLES = {"WEIR_SIMULATOR_CREDENTIALS"}


def mounts(service: str) -> Iterator[tuple[str, str]]:
    for volume in SERVICES[service].get("volumes", ()):
        source, target = volume.split(":")[:2]
        yield source, target


def commands() -> Iterator[list[str]]:
    """The consumers of each service; one process may run several of them."""
    for name in OURS:
        command = SERVICES[name]["command"]
        if command[0] == "run":
            yield [word for word in command[1:] if re.fullmatch(r"[a-z_]+", word)]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_is_there(service: str) -> None:
    missing = [
        source
        for source, _ in mounts(service)
        if source != ENGINE_SOCKET
        and (not (ROOT / source).exists() if source[0] == "." else source not in COMPOSE["volumes"])
    ]
    assert [] == missing


def test_every_volume_is_used() -> None:
    used = {
        source for service in SERVICES for source, _ in mounts(service) if source[0] not in "./"
    }
    assert COMPOSE["volumes"].keys() == used


@pytest.mark.parametrize("service", ["postgres", "postgres-replica"])
def test_the_data_of_a_database_is_below_its_volume(service: str) -> None:
    """A replica is copied beside its folder, which is then renamed: no mount point can be."""
    data = PurePosixPath(SERVICES[service]["environment"]["PGDATA"])
    assert any(PurePosixPath(target) in data.parents for _, target in mounts(service))


@pytest.mark.parametrize("service", OURS)
def test_every_setting_is_known(service: str) -> None:
    known = {*variable_names(), *(name + SUFFIX for name in variable_names()), *OTHER_VARIABLES}
    assert set() == SERVICES[service]["environment"].keys() - known


@pytest.mark.parametrize("service", OURS)
def test_every_command_is_one_of_iotctl(service: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*SERVICES[service]["command"], "--help"])
    assert 0 == caught.value.code


def test_every_consumer_and_the_gateway_run_once() -> None:
    running = [name for names in commands() for name in names if name != "simulator"]
    assert sorted([*registry.names("consumers"), "gateway"]) == sorted(running)


@pytest.mark.parametrize("service", SERVICES)
def test_secrets_that_are_named_are_mounted(service: str) -> None:
    environment = SERVICES[service].get("environment", {}).values()
    named = {value.removeprefix(SECRETS_FOLDER) for value in environment if SECRETS_FOLDER in value}
    mounted = set(SERVICES[service].get("secrets", ()))
    assert named <= mounted
    assert mounted <= COMPOSE["secrets"].keys()


def test_every_secret_is_made_and_used(secrets: Path) -> None:
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items()}
    assert {name: f"./secrets/{name}" for name in files} == files
    assert [] == [name for name in files if not (secrets / name).is_file()]
    assert files.keys() == {name for each in SERVICES.values() for name in each.get("secrets", ())}


def test_the_file_itself_holds_no_secret() -> None:
    assert [] == re.findall(r"://[^/\s]*:[^/\s]*@", TEXT)
    assert [] == [
        key
        for service in SERVICES.values()
        for key, value in service.get("environment", {}).items()
        if re.search("PASSWORD|TOKEN|SECRET", key) and SECRETS_FOLDER not in value
    ]


def test_defaults_are_those_of_the_settings() -> None:
    defaults = dict(re.findall(r"\$\{(WEIR_\w+):-([^}]*)\}", TEXT))
    assert Settings() == Settings.from_env(defaults)
    assert [] == re.findall(r"\$\{\w+(?!\w|:-)", TEXT)


def test_only_loopback_is_published() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_kept_small(service: str) -> None:
    described = SERVICES[service]
    assert ["ALL"] == described["cap_drop"]
    assert ["no-new-privileges:true"] == described["security_opt"]
    assert {"cpus", "memory"} <= described["deploy"]["resources"]["limits"].keys()
    assert "max-size" in described["logging"]["options"]


@pytest.mark.parametrize("service", OURS)
def test_ours_cannot_write_to_their_image(service: str) -> None:
    described = SERVICES[service]
    assert (True, "10001:10001") == (described["read_only"], described["user"])
    assert "cap_add" not in described


@pytest.mark.parametrize("service", LASTING)
def test_who_lasts_is_looked_after(service: str) -> None:
    assert "unless-stopped" == SERVICES[service]["restart"]
    assert ("healthcheck" in SERVICES[service]) == (service not in WITHOUT_PROBE)


def test_who_waits_waits_for_health_or_for_the_end() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            is_task = SERVICES[name]["restart"] == "no"
            lasting = "service_started" if name in WITHOUT_PROBE else "service_healthy"
            condition = "service_completed_successfully" if is_task else lasting
            assert condition == wait["condition"], name


def test_who_has_the_engine_runs_on_request_only() -> None:
    having = [name for name in SERVICES if ENGINE_SOCKET in dict(mounts(name))]
    assert ["alloy"] == having
    assert ["logs"] == SERVICES["alloy"]["profiles"]


def test_grafana_is_told_what_its_data_sources_ask_for() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning" / "datasources"
    sources = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.yaml"))
    wanted = set(re.findall(r"^[^#\n]*\$([A-Z_]+)", sources, re.MULTILINE))
    grafana = SERVICES["grafana"]
    assert set() == wanted - grafana["environment"].keys() - set(
        re.findall(r"^export (.*)$", grafana["entrypoint"][-1], re.MULTILINE)[0].split()
    )


def test_every_image_has_a_version() -> None:
    images = {service["image"] for service in SERVICES.values()}
    assert [] == [image for image in images if not re.search(r":v?\d+\.\d+\.\d+", image)]


def test_the_images_are_those_that_the_tests_use() -> None:
    assert containers.RABBITMQ_IMAGE == SERVICES["rabbitmq"]["image"]
    assert containers.POSTGRES_IMAGE == SERVICES["postgres"]["image"]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "secrets"
    make_secrets(folder)
    return folder


def make_secrets(folder: Path) -> None:
    subprocess.run(
        [ROOT / "deploy" / "make-secrets", folder], check=True, stdout=subprocess.DEVNULL
    )


def test_made_secrets_are_kept_from_others_and_made_once(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    make_secrets(secrets)
    assert before == {path.name: path.read_bytes() for path in secrets.iterdir()}
    assert 0o700 == secrets.stat().st_mode & 0o777
    passwords = [path.read_text() for path in secrets.glob("password-*")]
    assert len(passwords) == len(set(passwords))
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in passwords)


def test_made_addresses_are_settings(secrets: Path) -> None:
    environ = {
        key: value.replace(SECRETS_FOLDER, f"{secrets}/")
        for name in OURS
        for key, value in SERVICES[name]["environment"].items()
        if key.endswith(SUFFIX)
    }
    Settings.from_env(environ, require=[name.removesuffix(SUFFIX) for name in environ])


def test_the_users_of_the_broker_are_those_of_a_private_node(secrets: Path) -> None:
    made = json.loads((secrets / "rabbitmq-definitions.json").read_text(encoding="utf-8"))
    private = json.loads(definitions_json({"weir-admin": "x", "weir": "x"}))
    ours = ("weir-admin", "weir")
    assert {user["name"]: user["tags"] for user in private["users"]} == {
        user["name"]: user["tags"] for user in made["users"] if user["name"] in ours
    }
    assert private["permissions"] == [each for each in made["permissions"] if each["user"] in ours]
    assert private["vhosts"] == made["vhosts"]


@pytest.mark.parametrize("serial", ["sim-001", "sim-002"])
def test_simulated_devices_may_what_devices_may(secrets: Path, serial: str) -> None:
    made = json.loads((secrets / "rabbitmq-definitions.json").read_text(encoding="utf-8"))
    rights = device_rights(serial)
    (permissions,) = (each for each in made["permissions"] if each["user"] == serial)
    (keys,) = (each for each in made["topic_permissions"] if each["user"] == serial)
    assert (rights.configure, rights.write, rights.read) == tuple(
        permissions[key] for key in ("configure", "write", "read")
    )
    assert (rights.publish_keys, rights.receive_keys) == (keys["write"], keys["read"])
    credentials = json.loads((secrets / f"simulator-{serial}.json").read_text(encoding="utf-8"))
    (user,) = (each for each in made["users"] if each["name"] == serial)
    assert {serial: user["password"]} == credentials
