"""The parts of the whole system, each with what it waits for and how it is started."""

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from weir.embedded.account import server_account
from weir.embedded.layout import Layout
from weir.embedded.port_plan import METRICS_PREFIX
from weir.embedded.ports import LOOPBACK, accepts
from weir.embedded.postgres_cluster import OWNER, SUPERUSER
from weir.embedded.postgres_server import PostgresServer
from weir.embedded.private_files import PASSWORD_BYTES, write_private
from weir.embedded.process import ProcessSpec
from weir.embedded.rabbitmq_files import RabbitmqPorts
from weir.embedded.rabbitmq_node import RabbitmqNode
from weir.embedded.scrape import runs
from weir.paths import ROOT

EPMD, RABBITMQ, POSTGRES, SETUP, GATEWAY, SIMULATOR = (
    "epmd",
    "rabbitmq",
    "postgres",
    "setup",
    "gateway",
    "simulator",
)
#: Consumers that do most of the work: each has a process of its own. All others share one, because
#: what a process needs to start is more than what any of them does.
HEAVY_CONSUMERS = frozenset({"measurements", "aggregates"})
SHARED = "consumers"
SERIAL_PREFIX = "sim-"
#: The role of the services at PostgreSQL, as `weir.postgres.roles` has it: that imports a driver.
APP = "weir_app"


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What the person who starts the system has asked for.

    Attributes:
        folder: an absolute path.
        consumers: the names of the consumers to run.
        rate_hz: of each simulated device; the simulator's own when `None`.
        ports: by name, see `port_plan`.
        restored: the folder of a backup that a new system begins with.
        environ: what services inherit; the addresses in it are replaced by ours.
    """

    folder: Path
    consumers: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    simulated_count: int = 0
    rate_hz: float | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    restored: Path | None = None

    @property
    def services(self) -> tuple[str, ...]:
        """The names of all processes of ours, in the order of the screen."""
        heavy = (name for name in self.consumers if name in HEAVY_CONSUMERS)
        shared = (SHARED,) if self.light_consumers else ()
        simulator = (SIMULATOR,) if self.simulated_count else ()
        return (*heavy, *shared, GATEWAY, *simulator)

    @property
    def light_consumers(self) -> tuple[str, ...]:
        """The names of the consumers that share a process."""
        return tuple(name for name in self.consumers if name not in HEAVY_CONSUMERS)


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the system.

    Attributes:
        after: parts that must be ready, or done, before this one starts.
        port: what people connect to; `None` when nobody does.
        metrics_port: where its figures are.
        is_task: it does its work and ends.
        members: the services in this process, where it is not one of its own name.
    """

    spec: ProcessSpec
    log: Path
    after: tuple[str, ...] = ()
    port: int | None = None
    metrics_port: int | None = None
    is_task: bool = False
    members: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the process."""
        return self.spec.name


class Stack:
    """The whole system on one machine: its servers, its settings and its parts."""

    def __init__(self, options: StackOptions, layout: Layout, ports: Mapping[str, int]) -> None:
        self.options = options
        self.layout = layout
        self.ports = ports
        account = server_account()
        self.rabbitmq = RabbitmqNode(
            layout.folder / RABBITMQ,
            RabbitmqPorts(**{name: ports[name] for name in RabbitmqPorts.names()}),
            layout.secrets,
            account,
        )
        self.postgres = PostgresServer(
            layout.folder / POSTGRES, ports[POSTGRES], layout.secrets, account
        )

    def prepare(self) -> None:
        """Write everything that the parts read; the first time this creates the database cluster.

        Raises:
            ProcessError: a server is not installed, or cannot be prepared.
        """
        self.rabbitmq.prepare()
        self.postgres.prepare()
        self.layout.gateway_token()
        self.layout.admin_password()
        if self.options.simulated_count:
            self._write_simulator_credentials()

    def parts(self) -> list[Part]:
        """Describe the parts, each after those that it waits for."""
        return [
            self._server(self.rabbitmq.epmd(), self.ports[EPMD]),
            self._server(self.rabbitmq.server(), self.ports["amqp"], EPMD),
            self._server(self.postgres.server(), self.ports[POSTGRES]),
            self._setup(),
            *(self._service(name) for name in self.options.services),
        ]

    def addresses(self) -> dict[str, str]:
        """Give the variables of a service, and the management API with all rights."""
        return {**self._environ(), "WEIR_MANAGEMENT_URL": self.rabbitmq.management_url}

    @property
    def gateway_url(self) -> str:
        """Where clients find the gateway."""
        return f"http://{LOOPBACK}:{self.ports[GATEWAY]}"

    @property
    def management_ui(self) -> str:
        """Where people find RabbitMQ's management UI."""
        return f"http://{LOOPBACK}:{self.ports['management']}"

    def administration(self) -> dict[str, str]:
        """Give the settings of who may do everything: sets up, backs up, restores."""
        return {**self.addresses(), **self._database_logins()}

    def _server(self, spec: ProcessSpec, port: int, *after: str) -> Part:
        return Part(spec, self.layout.log(spec.name), after=after, port=port)

    def _setup(self) -> Part:
        spec = ProcessSpec(
            name=SETUP,
            argv=(
                sys.executable,
                "-m",
                "weir.embedded.setup",
                str(self.layout.admin_password_file),
                *([str(self.options.restored)] if self.options.restored else []),
            ),
            environ=self.administration(),
            cwd=self.layout.folder,
        )
        log = self.layout.log(SETUP)
        return Part(spec, log, after=(RABBITMQ, POSTGRES), is_task=True)

    def _service(self, name: str) -> Part:
        metrics_port = self.ports[METRICS_PREFIX + name]
        port = self.ports[GATEWAY] if name == GATEWAY else None
        members = self.options.light_consumers if name == SHARED else ()
        run = members or (name,)
        consumers = [each for each in run if each in self.options.consumers]
        spec = ProcessSpec(
            name=name,
            argv=(sys.executable, "-m", "weir", "run", *run, *self._arguments(name)),
            environ={**self._environ(), "WEIR_METRICS_PORT": str(metrics_port)},
            cwd=self.layout.folder,
            is_ready=partial(runs, metrics_port, consumers)
            if consumers
            else partial(accepts, port or metrics_port),
        )
        return Part(
            spec,
            self.layout.log(name),
            after=(SETUP,),
            port=port,
            metrics_port=metrics_port,
            members=members,
        )

    def _arguments(self, name: str) -> tuple[str, ...]:
        if name != SIMULATOR:
            return ()
        rate = () if self.options.rate_hz is None else ("--rate", f"{self.options.rate_hz:g}")
        data = ("--data", str(self.layout.folder / SIMULATOR))
        return ("--devices", str(self.options.simulated_count), *data, *rate)

    def _environ(self) -> dict[str, str]:
        return {
            **self.options.environ,
            # In a checkout `weir` itself is found there, and nothing in the folder of the data.
            "PYTHONPATH": str(ROOT),
            "PYTHONSAFEPATH": "1",
            "WEIR_AMQP_URL": self.rabbitmq.amqp_url,
            "WEIR_STREAM_URL": self.rabbitmq.stream_url,
            "WEIR_MQTT_URL": self.rabbitmq.mqtt_url,
            "WEIR_POSTGRES_URL": self.postgres.url(APP),
            "WEIR_GATEWAY_HOST": LOOPBACK,
            "WEIR_GATEWAY_PORT": str(self.ports[GATEWAY]),
            "WEIR_GATEWAY_URL": self.gateway_url,
            "WEIR_GATEWAY_TOKEN": self.layout.gateway_token(),
            "WEIR_METRICS_HOST": LOOPBACK,
            "WEIR_DEVICE_LOG_DIRECTORY": str(self.layout.device_logs),
            "WEIR_SIMULATOR_CREDENTIALS": str(self.layout.simulator_credentials),
        }

    def _database_logins(self) -> dict[str, str]:
        """Give every role's address, for the one process that makes the roles."""
        return {
            "WEIR_POSTGRES_ADMIN_URL": self.postgres.url(SUPERUSER),
            "WEIR_POSTGRES_OWNER_URL": self.postgres.url(OWNER),
            "WEIR_POSTGRES_READONLY_URL": self.postgres.url("weir_readonly"),
            "WEIR_POSTGRES_MONITORING_URL": self.postgres.url("weir_monitoring"),
            "WEIR_POSTGRES_REPLICATION_URL": self.postgres.url("weir_replication"),
        }

    def _write_simulator_credentials(self) -> None:
        path = self.layout.simulator_credentials
        known = json.loads(path.read_text()) if path.exists() else {}
        for number in range(1, self.options.simulated_count + 1):
            known.setdefault(f"{SERIAL_PREFIX}{number:03d}", secrets.token_urlsafe(PASSWORD_BYTES))
        write_private(path, json.dumps(known, indent=1))
