"""See how far each consumer has read the measurement streams, and let one start elsewhere.

A consumer that is new starts at the first message. Setting its checkpoint before it first runs lets
it start at the end, at a time, or at an offset; readings that are stored already are stored once,
wherever it starts. Asks the servers of the environment (WEIR_STREAM_URL and WEIR_POSTGRES_URL, as
services have them), or else those of iotctl up on this machine.

Examples:
    iotctl checkpoints list
    iotctl checkpoints set my_consumer last
    iotctl checkpoints set aggregates 2026-11-20T06:00:00Z
"""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from cli._installation import servers_here
from cli._output import Column, Format, Output, print_note, print_rows
from cli._stream_start import START_HELP, parse_start
from cli._watch import watchable
from weir import registry, replays
from weir.consumer import Consumer, StreamConsumer
from weir.errors import ConfigError

app = typer.Typer()


@app.command("list")
@watchable
def list_(output: Output = Format.TABLE) -> None:
    """Show how far each consumer has read each stream, and how many messages wait for it.

    Example:
        iotctl checkpoints list
    """
    settings = servers_here(replays.REPLAY_VARIABLES)
    columns = [
        Column("consumer", "CONSUMER"),
        Column("stream", "STREAM"),
        Column("next_offset", "NEXT OFFSET"),
        Column("lag_count", "WAITING"),
        Column("recorded_at", "MOVED AT"),
    ]
    rows = [asdict(standing) for standing in asyncio.run(replays.standings(settings))]
    print_rows(
        [{**row, "recorded_at": row["recorded_at"].isoformat()} for row in rows], columns, output
    )


@app.command("set")
def set_(
    consumer: Annotated[str, typer.Argument(metavar="CONSUMER")],
    start: Annotated[str, typer.Argument(metavar="START", help=START_HELP)],
) -> None:
    """Let a consumer go on from another place; one that runs follows at once.

    Example:
        iotctl checkpoints set aggregates first
    """
    settings = servers_here(replays.REPLAY_VARIABLES)
    streams = _streams(consumer, settings.partition.count)
    plan = asyncio.run(replays.plan(settings, parse_start(start), streams))
    if plan.lost_count:
        print_note(f"{plan.lost_count} older messages are no longer held")
    asyncio.run(replays.set_checkpoints(settings, consumer, plan))
    print_note(f"{consumer} goes on with {plan.message_count} messages before it")


def _streams(name: str, partition_count: int) -> tuple[str, ...]:
    """Name the streams of a consumer; one that is not ours may read those of the measurements."""
    if name not in registry.names("consumers"):
        return ()
    consumer_class = registry.load("consumers", name, Consumer)
    if not issubclass(consumer_class, StreamConsumer):
        raise ConfigError(f"{name} reads no stream: it has no checkpoint that can be set")
    return consumer_class.streams(partition_count)
