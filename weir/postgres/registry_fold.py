"""What the journal adds up to, as rows of the tables of the registry and of `command`.

The journal is read entity by entity, in the order of its key, so that memory does not grow with it.
"""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from weir.events import command, configuration, device, presence, series, site
from weir.events.catalogue import catalogue
from weir.events.command import Command
from weir.events.configuration import Configuration
from weir.events.device import DescribedCapabilities, Device
from weir.events.event import Author, DomainEvent
from weir.events.presence import DevicePresence
from weir.events.series import Series
from weir.events.site import Site
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres.command_state import Row, StoredCommand, row_of
from weir.postgres.configuration_state import row_of as configuration_row
from weir.postgres.pool import Connection
from weir.postgres.series_state import overridden

State = TypeVar("State")

#: Events fetched from the database at once.
FETCHED_COUNT = 1_000
#: What a device can do that has not described itself.
_UNABLE = DescribedCapabilities()
_CREATED = frozenset({"site_created", "device_enrolled", "series_created"})
_ANNOUNCED = frozenset({"device_described", "device_started"})
_READ = """
    SELECT entity_id, type, type_version, data, actor, correlation_id, recorded_at FROM journal
    WHERE entity = $1 ORDER BY entity_id, entity_version
    """
#: Of the newest event; it covers those before it.
_DROPPED_UNTIL = """
    SELECT max((data ->> 'ended_before')::timestamptz) FROM journal
    WHERE type = 'ended_commands_dropped'
    """


@dataclass
class Folded(Generic[State]):
    """One entity, what its events add up to, and when the last of some kinds were recorded.

    `author`: who brought its first event about.
    """

    entity_id: str
    state: State
    author: Author
    created_at: datetime | None = None
    announced_at: datetime | None = None


@dataclass
class Numbers:
    """The numbers by which rows name one another, as far as they are rebuilt."""

    organisations: dict[str, int]
    sites: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)


async def fold_sites(connection: Connection, numbers: Numbers) -> AsyncIterator[Row]:
    """Give the rows of all sites; notes their numbers."""
    async for folded in _fold(connection, site.ENTITY, Site(), site.evolve):
        state = folded.state
        if state.site_id is None:
            continue
        numbers.sites[folded.entity_id] = state.site_id
        organisation, _, slug = folded.entity_id.rpartition("/")
        yield (
            state.site_id,
            numbers.organisations[organisation or DEFAULT_ORGANISATION],
            slug,
            state.name,
            state.time_zone,
            state.version,
            folded.created_at,
        )


async def fold_devices(connection: Connection, numbers: Numbers) -> AsyncIterator[Row]:
    """Give the rows of all devices; notes their numbers."""
    async for folded in _fold(connection, device.ENTITY, Device(), device.evolve):
        state = folded.state
        site_id = numbers.sites.get(site.entity_id(state.organisation, state.site))
        if state.device_id is None or site_id is None:
            continue
        numbers.devices[folded.entity_id] = state.device_id
        described = state.description
        yield (
            state.device_id,
            folded.entity_id,
            site_id,
            state.state,
            state.is_deleted,
            state.name,
            described.model if described else "",
            described.firmware if described else "",
            described.sample_rate_hz if described else 0.0,
            (described.capabilities if described else _UNABLE).model_dump_json(),
            state.boot_id,
            state.version,
            folded.created_at,
            folded.announced_at,
        )


async def fold_series(connection: Connection, numbers: Numbers) -> AsyncIterator[Row]:
    """Give the rows of all series."""
    async for folded in _fold(connection, series.ENTITY, Series(), series.evolve):
        state = folded.state
        serial, _, name = folded.entity_id.partition("/")
        device_id = numbers.devices.get(serial)
        if device_id is None:
            continue
        yield (
            state.series_id,
            device_id,
            name,
            state.unit,
            state.description,
            state.kind,
            state.series_class,
            overridden(state.settings),
            state.announced.unit,
            state.announced.description,
            state.announced.kind,
            state.version,
            folded.created_at,
        )


async def fold_presence(connection: Connection, numbers: Numbers) -> AsyncIterator[Row]:
    """Give the rows of who is there."""
    async for folded in _fold(connection, presence.ENTITY, DevicePresence(), presence.evolve):
        state = folded.state
        device_id = numbers.devices.get(folded.entity_id)
        if device_id is None:
            continue
        yield (
            device_id,
            state.is_online,
            state.reason,
            state.changed_at,
            state.budget,
            state.version,
        )


async def fold_commands(connection: Connection, _: Numbers) -> AsyncIterator[Row]:
    """Give the rows of all commands that were not dropped."""
    dropped_until = await connection.fetchval(_DROPPED_UNTIL)
    async for folded in _fold(connection, command.ENTITY, Command(), command.evolve):
        state = folded.state
        if state.ended_at is None or dropped_until is None or state.ended_at >= dropped_until:
            author = folded.author
            yield row_of(
                StoredCommand(folded.entity_id, state, author.actor, author.correlation_id)
            )


async def fold_configurations(connection: Connection, numbers: Numbers) -> AsyncIterator[Row]:
    """Give the rows of what is wanted of devices, and what they run."""
    async for folded in _fold(
        connection, configuration.ENTITY, Configuration(), configuration.evolve
    ):
        device_id = numbers.devices.get(folded.entity_id)
        if device_id is not None:
            yield (device_id, *configuration_row(folded.state))


async def _fold(
    connection: Connection,
    entity: str,
    initial: State,
    evolve: Callable[[State, DomainEvent], State],
) -> AsyncIterator[Folded[State]]:
    decode = catalogue().decode
    current: Folded[State] | None = None
    async for row in connection.cursor(_READ, entity, prefetch=FETCHED_COUNT):
        if current is None or current.entity_id != row["entity_id"]:
            if current is not None:
                yield current
            author = Author(row["actor"], row["correlation_id"])
            current = Folded(row["entity_id"], initial, author)
        event = decode(row["type"], row["type_version"], json.loads(row["data"]))
        current.state = evolve(current.state, event)
        if event.type in _CREATED:
            current.created_at = row["recorded_at"]
        elif event.type in _ANNOUNCED:
            current.announced_at = row["recorded_at"]
        else:
            # What an adopted entity says of itself is older than the event.
            current.created_at = getattr(event, "created_at", current.created_at)
    if current is not None:
        yield current
