"""`iotctl topology show`: what belongs on the broker, for people and for programs."""

import json

import pytest
from typer.testing import CliRunner

from cli.topology import app
from weir.model.names import MEASUREMENTS_EXCHANGE, partition_streams
from weir.rabbitmq.topology import topology


def show(*arguments: str, partition_count: str = "1") -> str:
    environ = {"WEIR_PARTITION_COUNT": partition_count}
    result = CliRunner().invoke(app, ["show", *arguments], env=environ)
    assert 0 == result.exit_code, result.output
    return result.output


@pytest.mark.parametrize("partition_count", ["1", "3"])
def test_everything_is_shown(partition_count: str) -> None:
    text = show(partition_count=partition_count)
    wanted = topology(int(partition_count))
    names = {queue.name for queue in wanted.queues} | {item.name for item in wanted.exchanges}
    assert all(name in text for name in names)


def test_programs_get_the_arguments_and_the_bindings_as_data() -> None:
    rows = {row["name"]: row for row in json.loads(show("-o", "json"))}
    stream = rows[partition_streams(1)[0]]
    assert ("stream", "30D") == (stream["type"], stream["arguments"]["x-max-age"])
    assert [{"exchange": MEASUREMENTS_EXCHANGE, "routing_key": "1"}] == stream["from"]
