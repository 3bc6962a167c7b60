"""Settings: read once from the environment, checked all at once, passed down.

Variable names are derived: field `url` of group `amqp` is `WEIR_AMQP_URL`. Each may be given by a
file instead: `WEIR_AMQP_URL_FILE`.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_core import ErrorDetails

from weir.errors import ConfigError
from weir.hosts import each_host
from weir.model.log_limit import DAYS, LINES_PER_S
from weir.model.names import PARTITION_COUNT_MAX
from weir.setting_files import read_setting_files

PREFIX = "WEIR_"
#: Exit code of a process whose settings are wrong (sysexits.h: EX_CONFIG).
EXIT_CONFIG = 78

Port = Annotated[int, Field(ge=1, le=65_535)]
_CLUSTER = "of a cluster, every node: one:port,two:port"


def _must_start_with(*schemes: str) -> AfterValidator:
    def check(url: SecretStr | str) -> SecretStr | str:
        text = url.get_secret_value() if isinstance(url, SecretStr) else url
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with {' or '.join(f'{name}://' for name in schemes)}")
        return url

    return AfterValidator(check)


def _check_hosts(url: SecretStr) -> SecretStr:
    each_host(url.get_secret_value())
    return url


_names_hosts = AfterValidator(_check_hosts)
AmqpUrl = Annotated[SecretStr, _must_start_with("amqp", "amqps"), _names_hosts]
StreamUrl = Annotated[SecretStr, _must_start_with("rabbitmq-stream"), _names_hosts]
MqttUrl = Annotated[SecretStr, _must_start_with("mqtt", "mqtts"), _names_hosts]
HttpUrl = Annotated[str, _must_start_with("http", "https")]
ManagementUrl = Annotated[SecretStr, _must_start_with("http", "https"), _names_hosts]
PostgresUrl = Annotated[SecretStr, _must_start_with("postgresql", "postgres")]


class LogLevel(StrEnum):
    """The least important events that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class EnrolmentPolicy(StrEnum):
    """What becomes of a serial that was never seen before."""

    OPEN = "open"
    APPROVAL = "approval"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AmqpSettings(_Group):
    """RabbitMQ, AMQP 0-9-1."""

    url: AmqpUrl | None = Field(
        None, description=f"amqp://user:password@host:5672/vhost; {_CLUSTER}"
    )


class StreamSettings(_Group):
    """RabbitMQ, stream protocol."""

    url: StreamUrl | None = Field(
        None, description=f"rabbitmq-stream://user:password@host:5552/vhost; {_CLUSTER}"
    )


class MqttSettings(_Group):
    """RabbitMQ, MQTT."""

    url: MqttUrl | None = Field(
        None,
        description=f"mqtt://host:1883; user and password where one device connects; {_CLUSTER}",
    )


class ManagementSettings(_Group):
    """RabbitMQ's management API."""

    url: ManagementUrl | None = Field(
        None, description=f"http://user:password@host:15672/vhost; {_CLUSTER}"
    )


class PostgresSettings(_Group):
    """PostgreSQL, with or without TimescaleDB."""

    url: PostgresUrl | None = Field(
        None, description="postgresql://weir_app:password@host:5432/weir; what services use"
    )
    owner_url: PostgresUrl | None = Field(
        None, description="the same as weir_owner: migrations and replays; unset: the one above"
    )
    admin_url: PostgresUrl | None = Field(
        None, description="the same as an administrator, for `iotctl database prepare` alone"
    )
    readonly_url: PostgresUrl | None = Field(
        None, description="the same as weir_readonly, which dashboards use"
    )
    monitoring_url: PostgresUrl | None = Field(
        None, description="the same as weir_monitoring: PostgreSQL's own statistics"
    )
    replication_url: PostgresUrl | None = Field(
        None, description="the same as weir_replication, for a standby"
    )

    @property
    def for_schema(self) -> SecretStr | None:
        """Who changes the schema: the owner, or else whoever there is."""
        return self.owner_url or self.url


class GatewaySettings(_Group):
    """The HTTP API: where it listens, and where clients find it."""

    host: str = Field("127.0.0.1", description="address that the gateway listens on")
    port: Port = Field(8080, description="port that the gateway listens on")
    url: HttpUrl | None = Field(None, description="where clients find the gateway")
    token: SecretStr | None = Field(
        None, description="an administrator's token that belongs to no user; unset: there is none"
    )
    requests_per_s: int = Field(
        200, ge=1, description="requests a second of one credential; five times as many at once"
    )
    trusted_proxies: str | None = Field(
        None, description="addresses whose X-Forwarded-For is believed, with commas between"
    )


class MetricsSettings(_Group):
    """The Prometheus endpoint that every service has when a port is given."""

    host: str = Field("127.0.0.1", description="address of the metrics endpoint")
    port: Port | None = Field(None, description="port of the metrics endpoint; unset: none")


class PartitionSettings(_Group):
    """How measurements are spread over streams."""

    count: int = Field(
        1, ge=1, le=PARTITION_COUNT_MAX, description="measurement streams of the installation"
    )


class EnrolmentSettings(_Group):
    """What becomes of devices that nobody knows yet."""

    policy: EnrolmentPolicy = Field(
        EnrolmentPolicy.OPEN,
        description="open: an unknown serial is enrolled; approval: it waits for an operator",
    )


class PresenceSettings(_Group):
    """When a device is taken for gone."""

    silence_s: float = Field(
        300.0,
        ge=10.0,
        description="silence of a device that does not declare how often it reports",
    )
    will_grace_s: float = Field(
        10.0, ge=0.0, description="in which a device may come back before its last will counts"
    )
    outage_grace_s: float = Field(
        60.0,
        ge=0.0,
        description="in which devices may come back after broker or database were away",
    )


class DeadLetterSettings(_Group):
    """When a consumer that rejects nearly everything stops."""

    share_max: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="a consumer stops that rejects more than this share; 1 never stops it",
    )
    run_max: int = Field(
        500,
        ge=0,
        le=1_000_000,
        description="a consumer stops that rejects as many in a row; 0 never stops it",
    )


class CommandSettings(_Group):
    """What is kept of commands to devices."""

    kept_days: int = Field(
        90, ge=1, le=36_500, description="days that a command is kept after it has ended"
    )


class DeviceLogSettings(_Group):
    """Where the log lines of devices go, and for how long."""

    directory: Path | None = Field(
        None, description="folder of the rotated JSON lines; unset: only the database has the lines"
    )
    days: int = Field(
        DAYS, ge=1, le=3_660, description="days that the database keeps the log lines of devices"
    )
    lines_per_s: float = Field(
        LINES_PER_S,
        gt=0,
        le=10_000,
        description="log lines of one device a second, over some time; those above are dropped",
    )


class LogSettings(_Group):
    """What a service itself logs."""

    level: LogLevel = Field(LogLevel.INFO, description="debug, info, warning or error")


class TracingSettings(_Group):
    """Traces to an OpenTelemetry collector; needs `weir[tracing]`."""

    url: HttpUrl | None = Field(
        None, description="http://collector:4318/v1/traces (OTLP over HTTP); unset: no traces"
    )
    share: float = Field(
        1.0, ge=0.0, le=1.0, description="share of the traces that begin here and are sent"
    )


class Settings(_Group):
    """Everything that a process can be told from outside."""

    amqp: AmqpSettings = Field(default_factory=AmqpSettings)
    stream: StreamSettings = Field(default_factory=StreamSettings)
    mqtt: MqttSettings = Field(default_factory=MqttSettings)
    management: ManagementSettings = Field(default_factory=ManagementSettings)
    postgres: PostgresSettings = Field(default_factory=PostgresSettings)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    partition: PartitionSettings = Field(default_factory=PartitionSettings)
    enrolment: EnrolmentSettings = Field(default_factory=EnrolmentSettings)
    presence: PresenceSettings = Field(default_factory=PresenceSettings)
    dead_letter: DeadLetterSettings = Field(default_factory=DeadLetterSettings)
    command: CommandSettings = Field(default_factory=CommandSettings)
    device_log: DeviceLogSettings = Field(default_factory=DeviceLogSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    tracing: TracingSettings = Field(default_factory=TracingSettings)

    @classmethod
    def from_env(cls, environ: Mapping[str, str], require: Iterable[str] = ()) -> "Settings":
        """Read the settings; `require` names the variables that must be set.

        Raises:
            ConfigError: variables are missing, wrong or unknown: one problem for each.
        """
        environ, unreadable = read_setting_files(environ, _variables())
        values, problems = _gather(environ)
        problems += unreadable
        missing = [name for name in require if not environ.get(name)]
        problems += [f"{name} is not set ({describe(name)})" for name in missing]
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            problems += [_explain(detail) for detail in error.errors()]
            raise ConfigError(*problems) from error
        if problems:
            raise ConfigError(*problems)
        return settings


def variable_names() -> list[str]:
    """Name every variable that Weir reads, in the order of the settings."""
    return list(_variables())


def describe(name: str) -> str:
    """Say in a line what a variable is for."""
    group, field = _variables()[name]
    model = Settings.model_fields[group].annotation
    assert model is not None  # noqa: S101 - every group is a model
    return model.model_fields[field].description or ""


def reveal(secret: SecretStr | None, name: str) -> str:
    """Give a secret setting that the process has required.

    Raises:
        ConfigError: it is not set.
    """
    if secret is None:
        raise ConfigError(f"{name} is not set ({describe(name)})")
    return secret.get_secret_value()


#: Read by others than `Settings`: the state folder of `iotctl up`, the gateway that `iotctl` is to
#: ask, and what tests use.
_ELSEWHERE = ("WEIR_DATA", "WEIR_CONTEXT", "WEIR_SIMULATOR_CREDENTIALS")
_ELSEWHERE_PREFIXES = ("WEIR_TEST_", "WEIR_NEWEST_")


def _variables() -> dict[str, tuple[str, str]]:
    names = {}
    for group, info in Settings.model_fields.items():
        model = info.annotation
        assert model is not None  # noqa: S101 - every group is a model
        for field in model.model_fields:
            names[f"{PREFIX}{group}_{field}".upper()] = (group, field)
    return names


def _gather(environ: Mapping[str, str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    known = _variables()
    values: dict[str, dict[str, Any]] = {}
    problems = []
    for name, value in sorted(environ.items()):
        if name in known:
            group, field = known[name]
            # An empty variable is how compose files and shells say "not set".
            if value:
                values.setdefault(group, {})[field] = value
        elif _is_ours(name):
            problems.append(f"{name} is not a setting of Weir")
    return values, problems


def _is_ours(name: str) -> bool:
    return (
        name.startswith(PREFIX)
        and name not in _ELSEWHERE
        and not name.startswith(_ELSEWHERE_PREFIXES)
    )


def _explain(detail: ErrorDetails) -> str:
    name = PREFIX + "_".join(str(part) for part in detail["loc"]).upper()
    shown = "" if name.endswith(("URL", "TOKEN")) else f": {str(detail['input'])[:80]!r}"
    return f"{name} is wrong{shown}: {detail['msg']}"
