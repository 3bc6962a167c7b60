"""From which figures on something is wrong."""

import asyncio
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from weir.doctor.finding import Finding, State, ok
from weir.doctor.installation import broker, consumers, dead_letters, queues
from weir.doctor.machine import local_clock, local_disk, local_version
from weir.doctor.machine_view import Machine
from weir.doctor.running import run_checks
from weir.doctor.skew import judge_skew
from weir.errors import StoreUnavailableError
from weir.mqtt.probe import connect_packet
from weir.postgres.queries.checkpoints import CheckpointRow
from weir.postgres.queries.doctor import DeadLetterSum
from weir.rabbitmq.inspection import QueueFacts
from weir.testing.clock import START


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def row(age_s: float, next_offset: int = 0) -> CheckpointRow:
    return CheckpointRow("gaps", "stream.0", next_offset, START - seconds(age_s))


STATES = [
    (broker.judge_version("3.10.7"), State.FAILURE),
    (broker.judge_version("3.10.8"), State.OK),
    (broker.judge_version("4.3.6"), State.OK),
    (broker.judge_version("4.4.0-rc.1"), State.WARNING),
    (judge_skew("database", seconds(1.9)), State.OK),
    (judge_skew("database", seconds(-2)), State.WARNING),
    (judge_skew("database", seconds(2.9), seconds(1)), State.OK),
    (judge_skew("database", seconds(60)), State.FAILURE),
    (queues.judge("q", QueueFacts(0, 1)), None),
    (queues.judge("q", QueueFacts(0, 0)), State.WARNING),
    (queues.judge("q", QueueFacts(1, 0)), State.FAILURE),
    (queues.judge("q", QueueFacts(queues.WAITING_MAX + 1, 1)), State.WARNING),
    (consumers.judge(row(9_999, 5), {"stream.0": 5}, START), State.OK),
    (consumers.judge(row(10), {"stream.0": 5}, START), State.OK),
    (consumers.judge(row(181), {"stream.0": 5}, START), State.FAILURE),
    (consumers.judge(row(10), {"stream.0": consumers.LAG_MAX + 1}, START), State.WARNING),
    (dead_letters.judge(DeadLetterSum("logs", "undecodable", 1, 0)), State.WARNING),
    (dead_letters.judge(DeadLetterSum("logs", "undecodable", 200, 101)), State.FAILURE),
    (dead_letters.judge(DeadLetterSum("logs", "not_approved", 200, 200)), State.WARNING),
]


@pytest.mark.parametrize(("finding", "state"), STATES)
def test_figures_are_judged(finding: Finding | None, state: State | None) -> None:
    assert state == (finding and finding.state)


def test_who_waits_for_approval_is_told_how_to_let_it_in() -> None:
    found = dead_letters.judge(DeadLetterSum("logs", "not_approved", 1, 0))
    assert "approve" in found.remedy


@pytest.mark.parametrize(
    ("free_bytes", "state"),
    [
        (local_disk.FAILED_BYTES - 1, State.FAILURE),
        (local_disk.FAILED_BYTES, State.WARNING),
        (local_disk.WARNED_BYTES, State.OK),
    ],
)
def test_the_disk_of_this_machine_is_judged(free_bytes: int, state: State) -> None:
    assert state == local_disk.judge("/data", free_bytes).state


async def test_another_version_and_another_time_of_the_gateway_are_told() -> None:
    machine = Machine(Path("/nowhere"), START, None, "0.0.0", START + seconds(30))
    (version,) = await local_version.check(machine)
    (clock,) = await local_clock.check(machine)
    assert (State.WARNING, "pip install 'weir==0.0.0'") == (version.state, version.remedy)
    assert (State.WARNING, "its clock is 30 s ahead of this one") == (clock.state, clock.message)


async def test_a_check_that_fails_or_hangs_is_a_finding_and_stops_no_other() -> None:
    async def fails(_: object) -> list[Finding]:
        raise StoreUnavailableError("gone")

    async def hangs(_: object) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def works(_: object) -> list[Finding]:
        return [ok("it", "works")]

    checks = []
    for check in (fails, hangs, works):
        module = ModuleType(f"checks.{check.__name__}")
        module.__dict__["check"] = check
        checks.append(module)
    found = await run_checks(checks, None, timeout_s=0.01)
    assert [
        ("fails", State.FAILURE, "could not be looked at: gone"),
        ("hangs", State.FAILURE, "no answer within 0.01 s"),
        ("works", State.OK, "works"),
    ] == [(finding.check, finding.state, finding.message) for finding in found]


def test_the_packet_of_a_stranger_is_that_of_the_standard() -> None:
    # OASIS, "MQTT Version 3.1.1", section 3.1.
    assert bytes.fromhex("1017 0004 4d515454 04 02 000a 000b") + b"weir-doctor" == connect_packet(
        None
    )
    packet = connect_packet(("guest", "guest"))
    assert (0xC2, b"\x00\x05guest\x00\x05guest") == (packet[9], packet[-14:])
    assert len(packet) - 2 == packet[1]
