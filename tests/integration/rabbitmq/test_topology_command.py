"""`iotctl topology apply` and `check` against a broker."""

import json

import pytest
from typer.testing import CliRunner, Result

from cli.topology import app
from weir.model.names import REGISTRY_QUEUE
from weir.testing.addresses import Broker

pytestmark = pytest.mark.rabbitmq


def run(broker: Broker, *arguments: str) -> Result:
    environ = {"WEIR_AMQP_URL": broker.amqp_url, "WEIR_MANAGEMENT_URL": broker.management_url}
    return CliRunner().invoke(app, arguments, env=environ)


def test_a_check_fails_until_everything_is_declared(broker: Broker) -> None:
    before = run(broker, "check")
    assert 1 == before.exit_code
    assert f"missing  {REGISTRY_QUEUE} " in before.stdout

    applied = run(broker, "apply")
    assert 0 == applied.exit_code
    assert REGISTRY_QUEUE in applied.stdout.splitlines()

    after = run(broker, "check", "-o", "json")
    assert 0 == after.exit_code
    assert {"unread"} == {row["kind"] for row in json.loads(after.stdout)}
