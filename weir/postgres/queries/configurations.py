"""How a device is to be set, what it runs, and how it was to be set before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from weir.errors import ConflictError, NotFoundError
from weir.events.configuration import ENTITY, Configuration, ConfigurationDesired, How
from weir.model.serial import is_serial
from weir.postgres.queries._read import fetch, fetch_row

#: Of PostgreSQL's bigint: behind every event.
ENTITY_VERSION_MAX = 2**63 - 1

_DESIRED = f"""
    SELECT entity_version, (data ->> 'configuration_version')::bigint AS version, data, actor,
           recorded_at
    FROM journal
    WHERE entity = '{ENTITY}' AND entity_id = $1 AND type = '{ConfigurationDesired.type}'
    """  # noqa: S608 - only constants are put together
_HISTORY = f"{_DESIRED} AND entity_version < $2 ORDER BY entity_version DESC LIMIT $3"
_VERSION = f"{_DESIRED} AND (data ->> 'configuration_version')::bigint = $2"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of what was wanted, with its document; `entity_version`: where it stands."""

    version: int
    document: Mapping[str, Any]
    hash: str
    how: How
    of_version: int | None
    set_at: datetime
    set_by: str
    entity_version: int


async def list_versions(
    pool: asyncpg.Pool, serial: str, *, before: int = ENTITY_VERSION_MAX, limit: int
) -> list[Version]:
    """List what was wanted of a device, newest first, those before an `entity_version`.

    Raises:
        StoreUnavailableError: try again later.
    """
    return [_version(row) for row in await fetch(pool, _HISTORY, serial, before, limit)]


async def show_version(pool: asyncpg.Pool, serial: str, version: int) -> Version:
    """Show one version of what was wanted of a device.

    Raises:
        NotFoundError: there never was such a version.
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _VERSION, serial, version) if is_serial(serial) else None
    if row is None:
        raise NotFoundError(f"{serial[:80]!r} has no configuration of version {version}")
    return _version(row)


async def running_document(
    pool: asyncpg.Pool, serial: str, configuration: Configuration
) -> Mapping[str, Any]:
    """Find the document that a device runs, as far as it says so.

    Raises:
        ConflictError: it does not.
        StoreUnavailableError: try again later.
    """
    reported = configuration.reported
    if reported is None:
        raise ConflictError(f"{serial} has never said what it runs")
    if reported.document is not None:
        return reported.document
    if configuration.document is not None and reported.hash == configuration.wanted.hash:
        return configuration.document
    try:
        return (await show_version(pool, serial, reported.version)).document
    except NotFoundError as error:
        raise ConflictError(
            f"{serial} runs version {reported.version}, which is not ours, and does not say what "
            "is in it"
        ) from error


def _version(row: asyncpg.Record) -> Version:
    data = json.loads(row["data"])
    return Version(
        row["version"],
        data["document"],
        data["hash"],
        How(data["how"]),
        data["of_version"],
        row["recorded_at"],
        row["actor"],
        row["entity_version"],
    )
