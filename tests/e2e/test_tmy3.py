"""A year of real weather, from a file through broker and consumers into the database, unchanged.

The file is Sand Point, Alaska, of the TMY3 data set, as pvlib ships it. Source of the format:
S. Wilcox and W. Marion, "Users Manual for TMY3 Data Sets", NREL/TP-581-43156, 2008.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pvlib
import pytest

from producers.csv_cells import field_and_unit
from weir.clock import to_us
from weir.embedded.process import ProcessSpec
from weir.paths import ROOT
from weir.rabbitmq.access import delete_device_user, put_device_user
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually
from weir.testing.servers import running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.rabbitmq,
    pytest.mark.mqtt,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

TMY3 = Path(pvlib.__file__).parent / "data" / "703165TY.csv"
#: The months of a typical year are of different years; no reading before 2000 is accepted.
YEAR = 2025
HOUR_COUNT = 8_760
#: What the file has where nothing was measured.
SENTINEL = -9900
PUBLISH_TIMEOUT_S = 120.0
STORE_TIMEOUT_S = 60.0

#: Times in microseconds since 1970, in order, and a value for each.
Series = tuple[list[int], list[float | str]]


@pytest.fixture
async def serial(broker: Broker, environ: dict[str, str]) -> AsyncIterator[str]:
    """Give a device that the broker knows, and put its login into the environment."""
    serial, password = f"sand-point-{secrets.token_hex(4)}", secrets.token_urlsafe()
    await put_device_user(broker.management_url, broker.vhost, serial, password)
    address = broker.mqtt_device_url.replace("mqtt://", f"mqtt://{serial}:{password}@")
    environ["WEIR_MQTT_URL"] = f"{address}/{broker.vhost}"
    yield serial
    await delete_device_user(broker.management_url, serial)


@pytest.fixture
def environ(broker: Broker, migrated_database_url: str) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    return {
        **others,
        "WEIR_AMQP_URL": broker.amqp_url,
        "WEIR_STREAM_URL": broker.stream_url,
        "WEIR_POSTGRES_URL": migrated_database_url,
    }


@pytest.fixture
async def consumers(broker: Broker, environ: dict[str, str], tmp_path: Path) -> AsyncIterator[None]:
    await apply_topology(broker.amqp_url, 1)
    specs = [
        ProcessSpec(name, (sys.executable, "-m", "weir", "run", name), environ, ROOT)
        for name in ("registry", "measurements")
    ]
    with running(*specs, logs=tmp_path):
        yield


@pytest.mark.usefixtures("consumers")
async def test_a_year_of_weather_is_stored_as_it_is_in_the_file(
    environ: dict[str, str], serial: str, migrated_database_url: str, tmp_path: Path
) -> None:
    hours, _ = pvlib.iotools.read_tmy3(TMY3, coerce_year=YEAR, map_variables=False)
    hours = hours.drop(columns=["Date (MM/DD/YYYY)", "Time (HH:MM)"])
    assert HOUR_COUNT == len(hours)
    expected = expected_series(hours)
    reading_count = sum(len(times) for times, _ in expected.values())
    file = tmp_path / "sand_point.csv"
    hours.to_csv(file, index_label="time")

    texts = [f"--text={name}" for name, kind in hours.dtypes.items() if kind == "str"]
    account = publish(environ, file, serial, *texts)
    assert HOUR_COUNT == account["rows_read"]
    assert {} == account["rows_skipped"]
    assert reading_count == account["readings_sent"]
    assert {"missing": hours.size - reading_count} == account["readings_skipped"]

    connection = await asyncpg.connect(migrated_database_url)
    try:
        stored = await eventually(lambda: stored_when(connection, reading_count), STORE_TIMEOUT_S)
        assert expected == stored
        assert 0 == await connection.fetchval("SELECT count(*) FROM dead_letter")
        units = await eventually(lambda: connection.fetch(UNITS, serial))
    finally:
        await connection.close()
    assert {field_and_unit(header) for header in hours.columns} == set(map(tuple, units))


UNITS = """
    SELECT field, unit FROM series JOIN device USING (device_id)
    WHERE serial = $1 AND announced_at IS NOT NULL
"""
COUNT = "SELECT (SELECT count(*) FROM reading) + (SELECT count(*) FROM text_reading)"
SERIES = """
    SELECT field,
           array_agg((extract(epoch FROM observed_at) * 1000000)::bigint ORDER BY observed_at),
           array_agg(value ORDER BY observed_at)
    FROM {table} JOIN series USING (series_id) GROUP BY field
"""


def expected_series(hours: Any) -> dict[str, Series]:
    """Take what the file says, column by column, without the sentinels."""
    times = [to_us(hour.to_pydatetime()) for hour in hours.index]
    return {
        field_and_unit(header)[0]: separate(
            (time, value)
            for time, value in zip(times, hours[header].tolist(), strict=True)
            if value != SENTINEL
        )
        for header in hours.columns
    }


def separate(pairs: Iterator[tuple[int, float | str]]) -> Series:
    times, values = zip(*pairs, strict=True)
    return list(times), list(values)


def publish(environ: dict[str, str], file: Path, serial: str, *options: str) -> dict[str, Any]:
    what = ("--serial", serial, "--time-column", "time", "--missing", str(SENTINEL))
    done = subprocess.run(
        [sys.executable, "-m", "weir", "publish", "csv", str(file), *what, "-o", "json", *options],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PUBLISH_TIMEOUT_S,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    account: dict[str, Any] = json.loads(done.stdout)
    return account


async def stored_when(connection: asyncpg.Connection, count: int) -> dict[str, Series] | None:
    """Give what is stored, once it is as much as was sent."""
    if await connection.fetchval(COUNT) < count:
        return None
    rows = [
        row
        for table in ("reading", "text_reading")
        for row in await connection.fetch(SERIES.format(table=table))
    ]
    return {field: (times, values) for field, times, values in rows}
