"""The words of the earlier tool do what the nouns and verbs do."""

import json
from pathlib import Path

import pytest

from tests.integration.gateway.conftest import AddDevice
from tests.integration.gateway.test_server import Gateway
from weir.embedded.ports import free_ports

#: A dozen processes, which on a busy machine take their time.
pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

SAME = [
    (("get", "sensors", "-o", "json"), ("devices", "list", "-o", "json")),
    (("sensor-status", "-s", "pump-1"), ("devices", "show", "pump-1")),
    (
        ("changeSampleFrequency", "-s", "pump-1", "-f", "-5"),
        ("commands", "send", "pump-1", "change_sample_frequency", "-p", "frequency_hz=-5.0"),
    ),
]


async def test_they_are_other_names_of_the_same(
    migrated_database_url: str, tmp_path: Path, add_device: AddDevice
) -> None:
    (port,) = free_ports(1)
    gateway = Gateway(migrated_database_url, port, tmp_path / "gateway.log")
    await add_device("pump-1", site="harbour")
    with gateway.running():
        await gateway.answers("/readyz", 200)
        for theirs, ours in SAME:
            said, wanted = gateway.iotctl(*theirs), gateway.iotctl(*ours)
            assert (wanted.returncode, wanted.stdout, wanted.stderr) == (
                said.returncode,
                said.stdout,
                said.stderr,
            )
        asleep = gateway.iotctl("sleep", "--all", "-o", "json")
        assert [("pump-1", "sleep")] == [
            (command["serial"], command["command"]) for command in json.loads(asleep.stdout)
        ]
        deleted = gateway.iotctl("delete", "-s", "pump-1", "--yes")
        assert (0, "") == (deleted.returncode, deleted.stdout), deleted.stderr
        assert "[]" == gateway.iotctl("get", "sensors", "-o", "json").stdout.strip()
        assert 2 == gateway.iotctl("awake").returncode
        nobody = gateway.iotctl("awake", "--all")
        assert (0, "no devices") == (nobody.returncode, nobody.stderr.strip())
