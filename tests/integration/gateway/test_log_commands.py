"""`iotctl logs` in front of a gateway that is a process."""

import json
from pathlib import Path

import asyncpg
import pytest

from tests.integration.gateway.conftest import AddDevice
from tests.integration.gateway.test_logs import LogWriter
from tests.integration.gateway.test_server import Gateway
from weir.embedded.ports import free_ports
from weir.model.device_log import Level
from weir.testing.clock import ManualClock
from weir.testing.conditions import eventually

pytestmark = pytest.mark.postgres


async def test_lines_are_printed_and_followed(
    migrated_database_url: str, pool: asyncpg.Pool, tmp_path: Path, add_device: AddDevice
) -> None:
    (port,) = free_ports(1)
    gateway = Gateway(migrated_database_url, port, tmp_path / "gateway.log")
    await add_device("pump-1")
    writer = LogWriter(pool, ManualClock())
    with gateway.running():
        await gateway.answers("/readyz", 200)
        await writer.write("pump-1", 1, "evil \x1b[2J", level=Level.ERROR, place="north wing")
        await writer.write("pump-1", 2, "calm")
        table = gateway.iotctl("logs", "pump-1", "--level", "error").stdout.splitlines()
        assert 2 == len(table)
        assert ["2026-03-14T15:09:27.000000Z", "pump-1", "error"] == table[1].split()[:3]
        assert table[1].endswith(r'evil \x1b[2J  place="north wing"')

        both = gateway.iotctl("logs", "--since", "2026-03-14", "-o", "ndjson").stdout.splitlines()
        assert ["error", "info"] == [json.loads(line)["level"] for line in both]
        refused = gateway.iotctl("logs", "-f", "--until", "1h")
        assert (2, True) == (refused.returncode, "exclude each other" in refused.stderr)

        followed = tmp_path / "followed"
        with gateway.running_iotctl(followed, "logs", "pump-1", "-f", "--last", "1"):
            await eventually(lambda: followed.read_text().rstrip().endswith("info      calm"))
            await writer.write("pump-1", -3600, "late", level=Level.WARNING)
            await eventually(lambda: followed.read_text().rstrip().endswith("warning   late"))
        assert 2 == len(followed.read_text().splitlines())
