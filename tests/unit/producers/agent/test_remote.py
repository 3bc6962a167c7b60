"""What a device runs against what it was sent, over restarts and changes by hand."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from producers.agent.remote import RemoteConfiguration
from producers.agent.spool import Spool, SpoolLimits
from weir.codec.control.configuration import encode_configuration
from weir.errors import ConfigError
from weir.model.configuration import ConfigurationMessage, ReportedConfiguration, hash_of

DOCUMENT: dict[str, Any] = {"interval_s": 1}
OTHER: dict[str, Any] = {"interval_s": 2}


class World:
    """Applies documents, save those with a negative interval."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.applied: list[Mapping[str, Any]] = []

    async def apply(self, document: Mapping[str, Any]) -> None:
        if document.get("interval_s", 0) < 0:
            raise ConfigError("interval_s: negative")
        self.applied.append(document)

    async def start(self, document: Mapping[str, Any]) -> RemoteConfiguration:
        remote = RemoteConfiguration("pump-1", self.spool, document, self.apply)
        await remote.restore()
        return remote


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Spool(tmp_path / "spool", SpoolLimits(10_000_000)) as spool:
        yield World(spool)


def sent(version: int, document: Mapping[str, Any], hash_: str = "") -> bytes:
    return encode_configuration(ConfigurationMessage(version, hash_ or hash_of(document), document))


async def test_what_the_file_says_is_reported_as_the_devices_own(world: World) -> None:
    remote = await world.start(DOCUMENT)
    assert ReportedConfiguration(0, hash_of(DOCUMENT), DOCUMENT) == remote.reported


async def test_what_fits_is_taken_and_known_after_a_restart(world: World) -> None:
    remote = await world.start(DOCUMENT)
    await remote.take(sent(3, OTHER, "sha256:theirs"))
    assert [OTHER] == world.applied
    expected = ReportedConfiguration(3, "sha256:theirs")
    assert expected == remote.reported
    assert expected == (await world.start(OTHER)).reported


async def test_a_change_by_hand_while_the_agent_was_away_is_noticed(world: World) -> None:
    await (await world.start(DOCUMENT)).take(sent(3, OTHER))
    third = {"interval_s": 3}
    assert ReportedConfiguration(0, hash_of(third), third) == (await world.start(third)).reported


async def test_a_change_by_hand_is_reported_with_its_document(world: World) -> None:
    remote = await world.start(DOCUMENT)
    await remote.take(sent(3, OTHER))
    await remote.note_change(DOCUMENT)
    assert ReportedConfiguration(0, hash_of(DOCUMENT), DOCUMENT) == remote.reported


async def test_what_does_not_fit_leaves_what_ran_and_says_why(world: World) -> None:
    remote = await world.start(DOCUMENT)
    await remote.take(sent(3, OTHER))
    await remote.take(sent(4, {"interval_s": -1}))
    expected = ReportedConfiguration(
        3, hash_of(OTHER), rejected_version=4, error="interval_s: negative"
    )
    assert expected == remote.reported
    assert expected == (await world.start(OTHER)).reported
    await remote.take(sent(5, DOCUMENT))
    assert ReportedConfiguration(5, hash_of(DOCUMENT)) == remote.reported


@pytest.mark.parametrize("body", [sent(2, DOCUMENT), sent(3, OTHER), b"rubbish"])
async def test_what_is_older_or_known_or_no_configuration_is_passed_over(
    world: World, body: bytes
) -> None:
    remote = await world.start(DOCUMENT)
    await remote.take(sent(3, OTHER))
    await remote.take(body)
    assert [OTHER] == world.applied
    assert ReportedConfiguration(3, hash_of(OTHER)) == remote.reported
