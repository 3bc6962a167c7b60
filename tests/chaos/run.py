"""One run: set up, publish under fire, wait until everything is quiet, judge."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import faults
from tests.chaos.evidence import gather
from tests.chaos.services import Consumer
from tests.chaos.setting_up import set_up
from tests.chaos.stream_log import Entry, mark_ends, read_log
from tests.chaos.verdict import Verdict, judge
from tests.chaos.world import Injection, Shape, World
from weir.clock import SystemClock, to_us

#: How long publishers may take after the last fault, and consumers after the last publisher.
_PUBLISH_TIMEOUT_S = 180.0
_QUIET_TIMEOUT_S = 120.0
_POLL_INTERVAL_S = 0.2
_REPORT_INTERVAL_S = 0.5
_STREAM_CONSUMERS = ("measurements", "aggregates")
#: Events that no fault of ours is a reason for.
_ALARMS = {
    "stream_truncated": "consumers met a gap in a stream",
    "stream_replaced": "consumers took a stream for a new one",
    "Traceback": "consumers wrote a traceback",
}
_QUOTE_LENGTH_MAX = 4_000

Progress = Callable[[World], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to; `took_s` from the first process to the verdict."""

    shape: Shape
    partition_count: int
    took_s: float
    verdict: Verdict
    injections: list[Injection]
    notes: list[str]

    @property
    def recovered_count(self) -> int:
        return sum(injection.recovery_s is not None for injection in self.injections)

    @property
    def is_passed(self) -> bool:
        return not self.verdict.problems


async def run(shape: Shape, progress: Progress, *, keeps: bool = False) -> Outcome:
    """Run one seed from an empty folder; what it leaves behind is deleted unless `keeps`."""
    folder = Path(tempfile.mkdtemp(prefix=f"weir-chaos-{shape.seed}-"))
    # The servers run as another account when we are root.
    os.chmod(folder, 0o755)  # noqa: PTH101, S103 - nothing runs yet
    world = World.create(shape, folder, to_us(SystemClock().now()))
    if keeps:
        world.note(f"keeping {folder}")
    reporting = asyncio.create_task(_report(world, progress))
    # Whoever ends us must not leave servers behind.
    running = asyncio.create_task(_run(world))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        verdict = await running
    except Exception as error:  # noqa: BLE001 - one run that fails must not hide the others
        verdict = Verdict(problems=[f"the run came to no end: {error!r}", *world.crashes])
    finally:
        world.stop()
        reporting.cancel()
        with suppress(asyncio.CancelledError):
            await reporting
        progress(world)
        if not keeps:
            shutil.rmtree(folder, ignore_errors=True)
    notes, injections = world.notes, world.injections
    return Outcome(shape, world.partition_count, world.now_s, verdict, injections, notes)


async def _run(world: World) -> Verdict:
    await set_up(world)
    helpers = [asyncio.create_task(world.watch()), asyncio.create_task(world.sample())]
    try:
        for publisher in world.publishers:
            publisher.start()
        await faults.inject(world)
        world.note("no more faults")
        stuck = await _finish_publishing(world)
        log = await _close_log(world)
        stuck += await _wait_until_quiet(world, log)
    finally:
        for helper in helpers:
            helper.cancel()
        outcomes = await asyncio.gather(*helpers, return_exceptions=True)
    await asyncio.gather(*(asyncio.to_thread(consumer.stop) for consumer in world.consumers))
    verdict = judge(await gather(world, log), world.partition_count)
    failures = [repr(outcome) for outcome in outcomes if isinstance(outcome, Exception)]
    verdict.problems += stuck + world.crashes + failures
    for event, meaning in _ALARMS.items():
        verdict.check(meaning, [c.label for c in world.consumers if event in c.log_text])
    verdict.problems += [quote for consumer in world.consumers for quote in _alarms_in(consumer)]
    return verdict


def _alarms_in(consumer: Consumer) -> Iterator[str]:
    """Quote what the first alarm of each kind in a log says: the logs are deleted with the run."""
    text = consumer.log_text
    for event in _ALARMS:
        at = text.find(event)
        if at >= 0:
            line_at = text.rfind("\n", 0, at) + 1
            yield f"{consumer.label} says:\n{text[line_at : line_at + _QUOTE_LENGTH_MAX]}"


async def _finish_publishing(world: World) -> list[str]:
    """Take the brakes off; gives the publishers that do not come to an end."""
    for publisher in world.publishers:
        publisher.say(b"hurry\n")

    async def unfinished() -> list[str]:
        return [f"{p.label} is not done" for p in world.publishers if not p.is_done]

    left = await _until_none(unfinished, _PUBLISH_TIMEOUT_S)
    world.note("publishers are done")
    return left


async def _close_log(world: World) -> list[Entry]:
    node = world.broker.node
    await mark_ends(node.amqp_url, world.partition_count)
    return await read_log(node.stream_url, world.partition_count)


async def _wait_until_quiet(world: World, log: list[Entry]) -> list[str]:
    """Wait until everybody has passed the end of each stream; gives those who have not."""
    ends: dict[str, int] = {}
    for entry in log:
        ends[entry.stream] = entry.offset + 1

    async def behind() -> list[str]:
        rows = await world.ask("SELECT consumer, stream, next_offset FROM stream_offset")
        reached = {(row["consumer"], row["stream"]): row["next_offset"] for row in rows}
        return [
            f"{consumer} stands at {reached.get((consumer, stream))} of {end} in {stream}"
            for consumer in _STREAM_CONSUMERS
            for stream, end in ends.items()
            if reached.get((consumer, stream)) != end
        ]

    left = await _until_none(behind, _QUIET_TIMEOUT_S)
    world.note("everything is quiet")
    return left


async def _until_none(problems: Callable[[], Awaitable[list[str]]], timeout_s: float) -> list[str]:
    deadline = time.monotonic() + timeout_s
    while left := await problems():
        if time.monotonic() > deadline:
            return left
        await asyncio.sleep(_POLL_INTERVAL_S)
    return []


async def _report(world: World, progress: Progress) -> None:
    while True:
        progress(world)
        await asyncio.sleep(_REPORT_INTERVAL_S)
