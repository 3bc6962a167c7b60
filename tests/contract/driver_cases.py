"""Golden cases of drivers: what is configured, which device answers what, what must come out.

`case.json` has `configuration`, `seed`, the `poll`, perhaps polls `before` it, and what is
expected. Other files of its folder are recorded answers. In the configuration `{case}` is that
folder, and `{port}` where the `device` listens: `http` answers each path with its files, one after
the other and the last for ever; `modbus` holds registers and bits; `mqtt` publishes each file on a
topic to whoever subscribes to anything.
"""

import json
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from producers.drivers._modbus_map import Table
from tests.contract.mqtt_device import mqtt_device
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.registry import discover

GOLDEN = Path(__file__).parent.parent / "golden" / "drivers"
DRIVERS = discover("producers.drivers", Driver)  # type: ignore[type-abstract] # looks for subclasses
CASES = sorted(GOLDEN.glob("*/*/case.json"))

AnyDriver = Driver[DriverConfiguration]


def case_name(case: Path) -> str:
    return f"{case.parent.parent.name}/{case.parent.name}"


@dataclass(frozen=True)
class Loaded:
    """A driver of a golden case, in front of its device."""

    driver: AnyDriver
    poll: Poll
    before: list[Poll]
    expected: dict[str, Any]

    async def read(self) -> Polled:
        """Poll as often as the case wants, and give the last."""
        for earlier in self.before:
            await self.driver.read(earlier)
        return await self.driver.read(self.poll)


@asynccontextmanager
async def loaded(case: Path, answers: Path | None = None) -> AsyncIterator[Loaded]:
    """Set up a case; `answers`: a folder with other answers than the recorded ones."""
    recorded = json.loads(_text(case))
    folder = answers or case.parent
    async with _device(recorded.get("device", {}), folder) as port:
        driver = make(case, folder, port)
        before = [Poll(**poll) for poll in recorded.get("before", [])]
        try:
            yield Loaded(driver, Poll(**recorded["poll"]), before, recorded)
        finally:
            await driver.close()


def make(case: Path, folder: Path, port: int) -> AnyDriver:
    """Make the driver of a case, with what its device is in."""
    recorded = json.loads(_text(case))
    text = json.dumps(recorded["configuration"])
    text = text.replace("{case}", str(folder)).replace("{port}", str(port))
    driver_class = DRIVERS[case.parent.parent.name]
    configuration = driver_class.configuration_class.model_validate_json(text)
    return driver_class(configuration, random.Random(recorded["seed"]))


def _text(case: Path) -> str:
    return case.read_text(encoding="utf-8")


@asynccontextmanager
async def _device(device: dict[str, Any], folder: Path) -> AsyncIterator[int]:
    if "http" in device:
        with http_device(device["http"], folder) as port:
            yield port
    elif "mqtt" in device:
        messages = [(topic, (folder / file).read_bytes()) for topic, file in device["mqtt"]]
        async with mqtt_device(messages) as port:
            yield port
    elif "modbus" in device:
        async with modbus_device(device["modbus"]) as port:
            yield port
    else:
        yield 0


@contextmanager
def http_device(files: dict[str, list[str]], folder: Path) -> Iterator[int]:
    """Serve recorded answers on a free port of loopback, until the block ends."""
    asked = dict.fromkeys(files, 0)

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            names = files.get(path)
            if not names:
                self.send_error(404)
                return
            body = (folder / names[min(asked[path], len(names) - 1)]).read_bytes()
            asked[path] += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@asynccontextmanager
async def modbus_device(
    memory: dict[str, dict[str, list[int]]], *, device_id: int = 1, port: int = 0
) -> AsyncIterator[int]:
    """Run a Modbus server; `memory`: by kind and first address, what is there.

    Addresses without anything are answered with exception 2, as devices do.
    """
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    def block(kind: Table) -> list[SimData]:
        datatype = DataType.BITS if kind.is_bits else DataType.REGISTERS
        places = memory.get(kind, {"65535": [0]}).items()
        return [
            SimData(
                int(first),
                values=[bool(value) if kind.is_bits else value for value in values],
                datatype=datatype,
            )
            for first, values in places
        ]

    blocks = (block(Table.COIL), block(Table.DISCRETE), block(Table.HOLDING), block(Table.INPUT))
    server = ModbusTcpServer(SimDevice(device_id, blocks), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        listening: Any = server.transport
        yield listening.sockets[0].getsockname()[1]
    finally:
        server.close()
