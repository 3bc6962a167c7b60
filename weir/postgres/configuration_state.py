"""The configuration of a device as the domain sees it, read from its row and written back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from weir.errors import NotFoundError
from weir.events.configuration import REPORTS_MAX, Configuration
from weir.model.configuration import ReportedConfiguration
from weir.model.configuration_sync import Wanted
from weir.model.device_state import DeviceState
from weir.model.serial import is_serial
from weir.postgres.errors import translated
from weir.postgres.pool import Connection

Row = tuple[Any, ...]

#: In the order of what `row_of` gives, behind the device's number.
COLUMNS = (
    "version",
    "document",
    "hash",
    "reported_version",
    "reported_hash",
    "reported_document",
    "rejected_version",
    "error",
    "reported_at",
    "newest_run",
    "edited_over",
    "budget",
    "entity_version",
)
SELECTED = ", ".join(f"configuration.{column}" for column in COLUMNS)
_READ = f"""
    SELECT device_id, serial, CASE WHEN is_deleted THEN 'deleted' ELSE state END AS state,
           capabilities -> 'configuration_schema' AS schema, {SELECTED}
    FROM device LEFT JOIN device_configuration AS configuration USING (device_id)
    WHERE serial = $1
    """  # noqa: S608 - only constants are put together
#: The device's row, as its configuration may have none yet. By a statement of its own: one that
#: waits for a lock sees the other tables as they were before it waited.
_LOCK = "SELECT FROM device WHERE serial = $1 FOR NO KEY UPDATE"
_STORE = f"""
    INSERT INTO device_configuration (device_id, {", ".join(COLUMNS)})
    VALUES ({", ".join(f"${number}" for number in range(1, len(COLUMNS) + 2))})
    ON CONFLICT (device_id) DO UPDATE
    SET ({", ".join(COLUMNS)}) = ({", ".join(f"excluded.{column}" for column in COLUMNS)})
    """  # noqa: S608 - only constants are put together


@dataclass(frozen=True, slots=True)
class ConfiguredDevice:
    """A device with its configuration; `schema`: what it declares, None: nothing."""

    device_id: int
    serial: str
    state: DeviceState
    schema: Mapping[str, Any] | None
    configuration: Configuration


async def lock_configuration(connection: Connection, serial: str) -> ConfiguredDevice:
    """Read a device's configuration and keep others from changing it until the commit.

    Raises:
        NotFoundError: no device has this serial.
    """
    if is_serial(serial):
        await connection.execute(_LOCK, serial)
    return await read_configuration(connection, serial)


async def read_configuration(
    connection: "Connection | asyncpg.Pool", serial: str
) -> ConfiguredDevice:
    """Read a device's configuration.

    Raises:
        NotFoundError: no device has this serial.
        StoreUnavailableError: try again later.
    """
    # What cannot be a serial need not be asked for, and may hold what PostgreSQL refuses.
    with translated():
        row = await connection.fetchrow(_READ, serial) if is_serial(serial) else None
    if row is None:
        raise NotFoundError(f"no device has the serial {serial[:80]!r}")
    return ConfiguredDevice(
        row["device_id"],
        row["serial"],
        DeviceState(row["state"]),
        _loaded(row["schema"]),
        configuration_of(row),
    )


async def store_configuration(
    connection: Connection, device_id: int, configuration: Configuration
) -> None:
    """Write what a configuration has become."""
    await connection.execute(_STORE, device_id, *row_of(configuration))


def configuration_of(row: asyncpg.Record) -> Configuration:
    """Make a configuration of a row with `COLUMNS`; all null: there is none yet."""
    if row["entity_version"] is None:
        return Configuration()
    reported = ReportedConfiguration(
        row["reported_version"],
        row["reported_hash"],
        _loaded(row["reported_document"]),
        row["rejected_version"],
        row["error"],
    )
    return Configuration(
        version=row["entity_version"],
        wanted=Wanted(row["version"], row["hash"], row["edited_over"]),
        document=_loaded(row["document"]),
        reported=None if row["reported_at"] is None else reported,
        reported_at=row["reported_at"],
        newest_run=row["newest_run"],
        budget=row["budget"],
    )


def row_of(configuration: Configuration) -> Row:
    """Give the values of `COLUMNS`."""
    wanted, reported = configuration.wanted, configuration.reported or ReportedConfiguration()
    return (
        wanted.version,
        _dumped(configuration.document),
        wanted.hash,
        reported.version,
        reported.hash,
        _dumped(reported.document),
        reported.rejected_version,
        reported.error,
        configuration.reported_at,
        configuration.newest_run,
        wanted.edited_over,
        configuration.budget if configuration.version else REPORTS_MAX,
        configuration.version,
    )


def _loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _dumped(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else json.dumps(document)
