"""Show, declare and check the exchanges, queues and streams on RabbitMQ.

Every service declares them when it starts; these commands are for looking, and for doing it ahead.
How many measurement streams there are is set by WEIR_PARTITION_COUNT.

Examples:
    iotctl topology show
    WEIR_AMQP_URL=... iotctl topology apply
    WEIR_MANAGEMENT_URL=... iotctl topology check
"""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import typer

from cli._installation import servers_here
from cli._output import Column, Format, Output, print_note, print_rows
from weir.config import Settings, reveal
from weir.rabbitmq import topology
from weir.rabbitmq.drift import check_topology

app = typer.Typer()

_AMQP_VARIABLE = "WEIR_AMQP_URL"
_MANAGEMENT_VARIABLE = "WEIR_MANAGEMENT_URL"


@app.command()
def show(output: Output = Format.TABLE) -> None:
    """Show what belongs on the broker; asks nobody.

    Example:
        WEIR_PARTITION_COUNT=3 iotctl topology show
    """
    settings = Settings.from_env(os.environ)
    columns = [
        Column("name", "NAME"),
        Column("type", "TYPE"),
        Column("from", "GETS"),
        Column("arguments", "ARGUMENTS"),
    ]
    print_rows(list(_rows(topology.topology(settings.partition.count), output)), columns, output)


@app.command()
def apply(output: Output = Format.TABLE) -> None:
    """Declare everything that is missing; changes and deletes nothing.

    Exit code 78 when something is there with other arguments, or with more partitions.

    Example:
        WEIR_AMQP_URL=amqp://weir:...@127.0.0.1/ iotctl topology apply
    """
    settings = servers_here([_AMQP_VARIABLE])
    url = reveal(settings.amqp.url, _AMQP_VARIABLE)
    names = asyncio.run(topology.apply_topology(url, settings.partition.count))
    print_rows([{"name": name} for name in names], [Column("name", "NAME")], output)


@app.command()
def check(output: Output = Format.TABLE) -> None:
    """Compare the broker with what belongs there.

    Exit code 1 when something is missing or different. That nobody reads a queue is only a note.

    Example:
        WEIR_MANAGEMENT_URL=http://weir-admin:...@127.0.0.1:15672/ iotctl topology check
    """
    settings = servers_here([_MANAGEMENT_VARIABLE])
    url = reveal(settings.management.url, _MANAGEMENT_VARIABLE)
    findings = asyncio.run(check_topology(url, settings.partition.count))
    rows = [
        {"kind": finding.kind.value, "name": finding.name, "detail": finding.detail}
        for finding in findings
    ]
    if rows or output.is_for_programs:
        columns = [Column("kind", "FINDING"), Column("name", "NAME"), Column("detail", "DETAIL")]
        print_rows(rows, columns, output)
    if any(finding.is_problem for finding in findings):
        raise typer.Exit(1)
    print_note("everything is there as it should be")


def _rows(wanted: topology.Topology, output: Format) -> Iterator[dict[str, Any]]:
    items: list[topology.Exchange | topology.Queue] = [*wanted.exchanges, *wanted.queues]
    for item in items:
        sources = [
            {"exchange": binding.source, "routing_key": binding.routing_key}
            for binding in wanted.bindings
            if binding.destination == item.name
        ]
        arguments = dict(item.arguments)
        arguments.pop("x-queue-type", None)
        row = {"name": item.name, "type": item.type, "from": sources, "arguments": arguments}
        yield row if output.is_for_programs else {key: _cell(value) for key, value in row.items()}


def _cell(value: Any) -> str:
    match value:
        case dict():
            return " ".join(f"{name}={setting}" for name, setting in value.items())
        case list():
            return ", ".join(f"{item['exchange']} {item['routing_key']}".strip() for item in value)
        case _:
            return str(value)
