"""`iotctl events` and `iotctl locations` in front of a gateway that is a process."""

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.integration.gateway.conftest import AddDevice
from tests.integration.gateway.occurrences import add_events, add_locations
from tests.integration.gateway.test_server import Gateway
from weir.embedded.ports import free_ports

pytestmark = pytest.mark.postgres


@pytest.fixture
async def gateway(
    migrated_database_url: str, tmp_path: Path, add_device: AddDevice
) -> AsyncIterator[Gateway]:
    (port,) = free_ports(1)
    gateway = Gateway(migrated_database_url, port, tmp_path / "gateway.log")
    for serial in ("van-1", "van-2"):
        await add_device(serial)
    with gateway.running():
        await gateway.answers("/readyz", 200)
        yield gateway


async def test_events_are_listed(gateway: Gateway, pool: asyncpg.Pool) -> None:
    await add_events(pool, "van-1", [(n, "tick", {"n": n, "text": "a\x1b[2J"}) for n in range(30)])
    await add_events(pool, "van-2", [(99, "stop", {"where": ["A", 1]})])

    newest = gateway.iotctl("events", "list")
    assert 21 == len(newest.stdout.splitlines())
    assert ["2026-03-14T15:11:05.000000Z", "van-2", "stop", 'where=["A",', "1]"] == (
        newest.stdout.splitlines()[-1].split()
    )
    assert "\x1b" not in newest.stdout
    cut = gateway.iotctl("events", "list", "--since", "2026-01-01", "--limit", "2", "-o", "json")
    assert [0, 1] == [event["data"]["n"] for event in json.loads(cut.stdout)]
    assert "and more: only the first 2 are printed (--limit)\n" == cut.stderr
    lines = gateway.iotctl(
        "events", "list", "van-1", "--type", "tick", "--last", "3", "-o", "ndjson"
    )
    assert [27, 28, 29] == [json.loads(line)["data"]["n"] for line in lines.stdout.splitlines()]
    sheet = gateway.iotctl("events", "list", "--type", "stop", "-o", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(sheet))
    assert {"where": ["A", 1]} == json.loads(row["data"])


async def test_locations_are_printed(gateway: Gateway, pool: asyncpg.Pool) -> None:
    await add_locations(pool, "van-1", [(n, 53.0 + n / 8, 9.0) for n in range(4)])
    await add_locations(pool, "van-2", [(1, 1.0, 2.0)])

    table = gateway.iotctl("locations", "get", "van-1", "--last", "1").stdout.splitlines()
    assert ["2026-03-14T15:09:29.000000Z", "van-1", "53.375000", "9.000000"] == table[1].split()[:4]
    track = json.loads(
        gateway.iotctl("locations", "get", "van-1", "--since", "2026-01-01", "-o", "track").stdout
    )
    assert {"type", "features"} == set(track)
    assert 4 == len(track["features"][0]["geometry"]["coordinates"])
    latest = json.loads(gateway.iotctl("locations", "latest", "-o", "json").stdout)
    assert [("van-1", 53.375), ("van-2", 1.0)] == [
        (place["serial"], place["latitude_deg"]) for place in latest
    ]
    points = gateway.iotctl(
        "locations", "get", "van-1", "--since", "2026-01-01", "--limit", "2", "-o", "points"
    )
    assert 2 == len(json.loads(points.stdout)["features"])
    assert "and more" in points.stderr


async def test_what_is_wrong_is_said_in_a_line(gateway: Gateway) -> None:
    for arguments, code, words in (
        (("events", "list", "nobody"), 3, "no device has the serial 'nobody'"),
        (("events", "list", "--since", "later"), 5, "query.since: not a time: 'later'"),
        (("events", "list", "--type", "a b"), 5, "query.type"),
        (("locations", "get"), 2, "Missing argument"),
        (("locations", "get", "van-1", "--since", "1h", "--until", "2h"), 5, "is after until"),
        (("locations", "get", *(f"van-{n}" for n in range(101))), 5, "at most 100 items"),
    ):
        result = gateway.iotctl(*arguments)
        assert (code, True) == (result.returncode, words in result.stderr), result
