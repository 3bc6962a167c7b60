"""deploy/kubernetes describes the system of compose.yaml, and every name in it leads somewhere."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from weir.config import variable_names
from weir.setting_files import SUFFIX

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "deploy" / "kubernetes"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: list[dict[str, Any]] = [
    described
    for name in KUSTOMIZATION["resources"]
    for described in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
]
#: Made by who installs it: docs/operations.md.
SECRETS = {"weir-secrets", "weir-postgres-superuser", "weir-postgres-owner"}
#: No package has strict schemas of the operators' objects: the fields that their documentation has,
#: as far as ours may use them. Sources: `rabbitmqcluster_types.go` of RabbitMQ's cluster operator;
#: "PostgreSQL Configuration" and the sample with all fields of CloudNativePG;
#: `scaledobject_types.go` and the scaler "Prometheus" of KEDA 2.
FIELDS: dict[str, set[str]] = {
    "RabbitmqCluster": {
        "affinity",
        "image",
        "override.statefulSet.spec.template.spec",
        "persistence.storage",
        "persistence.storageClassName",
        "rabbitmq.additionalConfig",
        "rabbitmq.additionalPlugins",
        "rabbitmq.advancedConfig",
        "replicas",
        "resources",
        "service.type",
        "terminationGracePeriodSeconds",
        "tls.caSecretName",
        "tls.disableNonTLSListeners",
        "tls.secretName",
        "tolerations",
    },
    "Cluster": {
        "affinity",
        "bootstrap.initdb.database",
        "bootstrap.initdb.owner",
        "bootstrap.initdb.secret.name",
        "enableSuperuserAccess",
        "imageName",
        "instances",
        "postgresql.parameters",
        "postgresql.shared_preload_libraries",
        "resources",
        "storage.size",
        "storage.storageClass",
        "superuserSecret.name",
    },
    "ScaledObject": {
        "cooldownPeriod",
        "fallback",
        "maxReplicaCount",
        "minReplicaCount",
        "pollingInterval",
        "scaleTargetRef.kind",
        "scaleTargetRef.name",
        "triggers",
    },
}
#: The operator refuses more: `+kubebuilder:validation:MaxLength`.
ADDITIONAL_CONFIG_LENGTH_MAX = 2_000
#: Some of those that CloudNativePG keeps to itself; the names of others would be among them.
FIXED_PARAMETERS = re.compile(
    "archive_|hba_file|hot_standby$|listen_addresses|log_|port$|primary_|restart_after_crash|ssl|"
    "shared_preload_libraries|synchronous_standby_names|unix_socket_|wal_log_hints"
)


def of(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == kind}


def pods() -> Iterator[dict[str, Any]]:
    for kind in ("Deployment", "Job"):
        for each in of(kind).values():
            yield each["spec"]["template"]["spec"]


CONTAINERS = {
    container["name"]: container
    for pod in pods()
    for container in (*pod.get("initContainers", ()), *pod["containers"])
}


def paths(part: dict[str, Any], known: set[str], at: str = "") -> Iterator[str]:
    """Name every field of an object, as deep as its documentation is known."""
    for key, value in part.items():
        path = f"{at}{key}"
        if isinstance(value, dict) and any(each.startswith(f"{path}.") for each in known):
            yield from paths(value, known, f"{path}.")
        else:
            yield path


@pytest.mark.parametrize("kind", FIELDS)
def test_an_operator_knows_every_field(kind: str) -> None:
    (described,) = of(kind).values()
    used = set(paths(described["spec"], FIELDS[kind]))
    assert used
    assert set() == used - FIELDS[kind]


def test_an_operator_takes_what_it_is_given() -> None:
    broker = of("RabbitmqCluster")["rabbitmq"]["spec"]["rabbitmq"]
    assert len(broker["additionalConfig"]) <= ADDITIONAL_CONFIG_LENGTH_MAX
    assert all(re.fullmatch(r"\w{1,100}", name) for name in broker["additionalPlugins"])
    parameters = of("Cluster")["postgres"]["spec"]["postgresql"]["parameters"]
    assert [] == [name for name in parameters if FIXED_PARAMETERS.match(name)]
    # Numbers would be refused, and `on` would be a boolean.
    assert all(isinstance(value, str) for value in parameters.values())
    (trigger,) = of("ScaledObject")["measurements"]["spec"]["triggers"]
    assert {"type", "metadata"} == trigger.keys()
    assert {"serverAddress", "query", "threshold"} == trigger["metadata"].keys()
    assert all(isinstance(value, str) for value in trigger["metadata"].values())


def test_every_file_is_a_resource() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])


def test_it_runs_what_compose_runs() -> None:
    ours = {
        name: service["command"]
        for name, service in COMPOSE["services"].items()
        if service["image"].startswith("weir:") and not name.startswith("simulator")
    }
    assert ours == {name: container["args"] for name, container in CONTAINERS.items()}


@pytest.mark.parametrize("name", CONTAINERS)
def test_it_is_told_what_compose_tells(name: str) -> None:
    settings = of("ConfigMap")["weir-settings"]["data"]
    told = settings | {each["name"]: each["value"] for each in CONTAINERS[name].get("env", ())}
    known = {*variable_names(), *(each + SUFFIX for each in variable_names())}
    assert set() == told.keys() - known
    wanted = COMPOSE["services"][name]["environment"].keys() - {"WEIR_DEVICE_LOG_DIRECTORY"}
    assert set() == wanted - told.keys()
    assert [] == [
        key
        for key in wanted
        if "${" not in (value := COMPOSE["services"][name]["environment"][key])
        and told[key] != value
    ]


def test_every_secret_and_configuration_that_is_named_exists() -> None:
    for pod in pods():
        for volume in pod["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["secretName"] in SECRETS
    for container in CONTAINERS.values():
        (source,) = container["envFrom"]
        assert source["configMapRef"]["name"] in of("ConfigMap")
    cluster = of("Cluster")["postgres"]["spec"]
    named = {cluster["superuserSecret"]["name"], cluster["bootstrap"]["initdb"]["secret"]["name"]}
    assert named < SECRETS
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [] == [name for name in SECRETS if name not in operations]


@pytest.mark.parametrize("name", of("Deployment"))
def test_a_service_sees_the_secrets_that_it_needs(name: str) -> None:
    volumes = of("Deployment")[name]["spec"]["template"]["spec"]["volumes"]
    (secret,) = (volume["secret"] for volume in volumes if "secret" in volume)
    assert COMPOSE["services"][name]["secrets"] == [item["key"] for item in secret["items"]]


@pytest.mark.parametrize("name", CONTAINERS)
def test_no_container_may_more_than_it_needs(name: str) -> None:
    security = CONTAINERS[name]["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} == CONTAINERS[name]["resources"]["limits"].keys()
    mounted = {mount["name"] for mount in CONTAINERS[name]["volumeMounts"]}
    assert mounted == {"secrets", "tmp"}


def test_no_pod_runs_as_root() -> None:
    for pod in pods():
        assert (True, 10_001) == tuple(
            pod["securityContext"][key] for key in ("runAsNonRoot", "runAsUser")
        )
        assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", of("Deployment"))
def test_what_lasts_is_probed_and_not_disrupted_all_at_once(name: str) -> None:
    deployment = of("Deployment")[name]["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    assert container["livenessProbe"]["exec"]["command"] == ["python", "-m", "weir.healthcheck"]
    assert deployment["replicas"] >= 2
    labels = deployment["selector"]["matchLabels"]
    assert labels == deployment["template"]["metadata"]["labels"]
    assert labels == of("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"]


def test_services_lead_to_pods_and_ports() -> None:
    gateway = of("Service")["gateway"]["spec"]
    deployment = of("Deployment")["gateway"]["spec"]
    assert gateway["selector"] == deployment["selector"]["matchLabels"]
    (container,) = deployment["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert 8080 == ports[gateway["ports"][0]["targetPort"]]


def test_there_are_never_more_writers_than_partitions() -> None:
    scaled = of("ScaledObject")["measurements"]["spec"]
    assert scaled["scaleTargetRef"]["name"] in of("Deployment")
    partitions = of("ConfigMap")["weir-settings"]["data"]["WEIR_PARTITION_COUNT"]
    assert int(partitions) == scaled["maxReplicaCount"] >= scaled["minReplicaCount"]
    assert "weir_waiting_messages" in scaled["triggers"][0]["metadata"]["query"]


def test_the_broker_has_the_settings_of_every_other() -> None:
    broker = of("RabbitmqCluster")["rabbitmq"]["spec"]
    settings = ROOT / "deploy" / "rabbitmq"
    assert COMPOSE["services"]["rabbitmq"]["image"] == broker["image"]
    conf = (settings / "rabbitmq.conf").read_text(encoding="utf-8")
    assert broker["rabbitmq"]["additionalConfig"].startswith(conf)
    advanced = (settings / "advanced.config").read_text(encoding="utf-8")
    assert advanced == broker["rabbitmq"]["advancedConfig"]
    plugins = (settings / "enabled_plugins").read_text(encoding="utf-8").strip().strip("[].")
    assert plugins.split(",") == broker["rabbitmq"]["additionalPlugins"]


def test_kustomize_builds_it() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl")
    command = ["kubectl", "kustomize", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert len(OBJECTS) == len(built)
    spaces = {each["metadata"].get("namespace") for each in built if each["kind"] != "Namespace"}
    assert {"weir"} == spaces
