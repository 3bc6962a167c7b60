"""A device of its own, for the tests of configuration and presence: small, and made as told.

`python -m tests.e2e.control_device URL SERIAL MEMORY`, its password in the environment. It takes
configurations and refuses what is too fast; what it runs survives in the file MEMORY. All that it
says over one connection has the time of that connection, its last will too.
"""

import asyncio
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from weir.clock import SystemClock
from weir.codec.control.configuration import decode_configuration
from weir.codec.control.state import encode_state
from weir.model.configuration import ReportedConfiguration, StateReport, hash_of
from weir.model.names import device_topic
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import MqttMessage, open_connection

PASSWORD_VARIABLE = "CONTROL_DEVICE_PASSWORD"  # noqa: S105 - the name of it
RATE_MAX = 100


def recall(memory: Path) -> dict[str, Any]:
    """Give what the device runs."""
    if memory.exists():
        remembered: dict[str, Any] = json.loads(memory.read_text())
        return remembered
    return {"version": 0, "document": {}}


def store(memory: Path, runs: dict[str, Any]) -> None:
    """Remember what the device runs."""
    memory.write_text(json.dumps(runs))


def report(memory: Path, refused: int = 0) -> ReportedConfiguration:
    """Say what it runs, and what it has just refused."""
    runs = recall(memory)
    error = f"rate: at most {RATE_MAX}" if refused else ""
    version, document = runs["version"], runs["document"]
    return ReportedConfiguration(version, hash_of(document), None, refused, error)


async def run(url: str, serial: str, memory: Path) -> None:
    """Be the device until it is killed."""
    topic, boot_id = device_topic(serial, "state"), secrets.randbelow(2**31) + 1
    connected_at = SystemClock().now()

    def state(*, is_online: bool, runs: ReportedConfiguration | None = None) -> bytes:
        return encode_state(StateReport(is_online, runs, boot_id, connected_at))

    address = MqttAddress.of_device(url, serial, os.environ[PASSWORD_VARIABLE])
    will = MqttMessage(topic, state(is_online=False))
    async with open_connection(address, will=will) as connection:
        await connection.subscribe(device_topic(serial, "config"))
        await connection.publish(topic, state(is_online=True, runs=report(memory)))
        async for message in connection.receive():
            wanted = decode_configuration(message.body)
            is_refused = wanted.document.get("rate", 0) > RATE_MAX
            if not is_refused and wanted.version >= recall(memory)["version"]:
                runs = {"version": wanted.version, "document": dict(wanted.document)}
                store(memory, runs)
            said = report(memory, wanted.version if is_refused else 0)
            await connection.publish(topic, state(is_online=True, runs=said))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
