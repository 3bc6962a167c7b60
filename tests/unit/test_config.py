"""Settings: read once, everything that is wrong said at once, credentials never shown."""

import pytest
from pydantic import ValidationError

from weir.config import EXIT_CONFIG, LogLevel, Settings, describe, reveal, variable_names
from weir.errors import ConfigError

AMQP_URL = "amqp://weir:secret@broker:5672/"


def test_without_an_environment_the_defaults_apply() -> None:
    settings = Settings.from_env({})
    assert (settings.gateway.port, settings.log.level) == (8080, LogLevel.INFO)
    assert settings.amqp.url is None


def test_values_are_converted_to_their_types() -> None:
    settings = Settings.from_env({"WEIR_PARTITION_COUNT": "3", "WEIR_LOG_LEVEL": "debug"})
    assert (settings.partition.count, settings.log.level) == (3, LogLevel.DEBUG)


def test_variables_of_other_programs_are_ignored() -> None:
    assert Settings() == Settings.from_env({"PATH": "/bin", "WEIRD": "1", "XWEIR_AMQP_URL": "x"})


def test_variables_of_the_tests_and_of_the_stack_are_not_settings() -> None:
    environ = {"WEIR_TEST_AMQP_URL": "x", "WEIR_NEWEST_AMQP_URL": "x", "WEIR_DATA": "x"}
    assert Settings() == Settings.from_env(environ)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings() == Settings.from_env({"WEIR_GATEWAY_PORT": "", "WEIR_AMQP_URL": ""})


def test_an_unknown_variable_is_refused() -> None:
    with pytest.raises(ConfigError, match="WEIR_AMPQ_URL is not a setting of Weir"):
        Settings.from_env({"WEIR_AMPQ_URL": AMQP_URL})


@pytest.mark.parametrize("environ", [{}, {"WEIR_AMQP_URL": ""}])
def test_a_required_variable_must_be_set(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="WEIR_AMQP_URL is not set"):
        Settings.from_env(environ, require=["WEIR_AMQP_URL"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEIR_GATEWAY_PORT", "0"),
        ("WEIR_GATEWAY_PORT", "65536"),
        ("WEIR_GATEWAY_PORT", "http"),
        ("WEIR_PARTITION_COUNT", "0"),
        ("WEIR_PARTITION_COUNT", "65"),
        ("WEIR_PARTITION_COUNT", "1.5"),
        ("WEIR_LOG_LEVEL", "loud"),
    ],
)
def test_a_value_out_of_bounds_is_refused_and_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is wrong: '{value}'"):
        Settings.from_env({name: value})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WEIR_AMQP_URL", "broker:5672", "amqp:// or amqps://"),
        ("WEIR_STREAM_URL", AMQP_URL, "rabbitmq-stream://"),
        ("WEIR_MQTT_URL", "tcp://broker:1883", "mqtt:// or mqtts://"),
        ("WEIR_MANAGEMENT_URL", AMQP_URL, "http:// or https://"),
        ("WEIR_POSTGRES_URL", "host=database", "postgresql:// or postgres://"),
        ("WEIR_GATEWAY_URL", "gateway:8080", "http:// or https://"),
    ],
)
def test_an_address_of_another_kind_is_refused(name: str, value: str, expected: str) -> None:
    with pytest.raises(
        ConfigError, match=f"{name} is wrong: .*must start with {expected}"
    ) as caught:
        Settings.from_env({name: value})
    assert value not in str(caught.value)


@pytest.mark.parametrize("variable", ["WEIR_AMQP_URL", "WEIR_STREAM_URL", "WEIR_MQTT_URL"])
def test_an_address_may_name_the_nodes_of_a_cluster(variable: str) -> None:
    scheme = {"WEIR_AMQP_URL": "amqp", "WEIR_STREAM_URL": "rabbitmq-stream"}.get(variable, "mqtt")
    Settings.from_env({variable: f"{scheme}://weir:x@one:1,two:2,three:3/"})
    with pytest.raises(ConfigError, match=f"{variable} is wrong: .*must name a host"):
        Settings.from_env({variable: f"{scheme}://weir:x@one:1,/"})


def test_everything_that_is_wrong_is_said_at_once() -> None:
    environ = {"WEIR_GATEWAY_PORT": "x", "WEIR_LOG_LEVEL": "loud", "WEIR_TYPO": "1"}
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(environ, require=["WEIR_AMQP_URL", "WEIR_POSTGRES_URL"])
    problems = str(caught.value).splitlines()
    wrong = {"WEIR_GATEWAY_PORT", "WEIR_LOG_LEVEL"}
    missing = {"WEIR_AMQP_URL", "WEIR_POSTGRES_URL"}
    assert wrong | missing | {"WEIR_TYPO"} == {problem.split()[0] for problem in problems}


def test_credentials_are_not_shown() -> None:
    settings = Settings.from_env({"WEIR_AMQP_URL": AMQP_URL, "WEIR_GATEWAY_TOKEN": "secret"})
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"
    assert "secret" not in shown


def test_a_credential_is_revealed_to_who_needs_it() -> None:
    settings = Settings.from_env({"WEIR_AMQP_URL": AMQP_URL})
    assert AMQP_URL == reveal(settings.amqp.url, "WEIR_AMQP_URL")


def test_a_credential_that_was_not_set_cannot_be_revealed() -> None:
    with pytest.raises(ConfigError, match="WEIR_AMQP_URL is not set"):
        reveal(None, "WEIR_AMQP_URL")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().gateway.port = 1  # type: ignore[misc]  # what the test is about


@pytest.mark.parametrize("name", variable_names())
def test_every_setting_is_described(name: str) -> None:
    assert name.startswith("WEIR_")
    assert describe(name)


def test_the_exit_code_is_the_one_for_wrong_settings() -> None:
    assert 78 == EXIT_CONFIG
