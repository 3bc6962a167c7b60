"""What `iotctl simulate verify` asks a gateway."""

import csv
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from cli._client import Answer, Gateway, Parameters
from weir.clock import from_us, iso, to_us
from weir.errors import GatewayUnavailableError, NotFoundError

#: Requests a second: half of what a gateway permits one credential.
REQUESTS_PER_S = 100.0
#: A message is rejected a little after it was sent; clocks of two machines differ.
_EARLIER_US = 60_000_000
_LINE_BYTES_MAX = 1024 * 1024


class GatewayServer:
    """A server as its gateway shows it; each device is looked at once."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._next_s = 0.0
        self._devices: dict[str, Answer | None] = {}

    def readings(
        self, serials: Sequence[str], field: str, since_us: int, until_us: int
    ) -> Iterator[tuple[str, int, float]]:
        """Give all readings of a field in [since, until): serial, instant, value.

        Raises:
            WeirError: as the gateway raises; devices that it does not know have none.
        """
        known = [
            serial for serial in serials if (device := self._device(serial)) and device["fields"]
        ]
        if not known:
            return
        parameters: Parameters = {
            "serial": known,
            "field": [field],
            "since": iso(from_us(since_us)),
            "until": iso(from_us(until_us)),
            "resolution": "raw",
            "format": "csv",
        }
        with self._gateway.download("/v1/readings", parameters) as pieces:
            rows = csv.reader(_lines(pieces))
            header = next(rows)
            serial_at, time_at, value_at = (
                header.index(name) for name in ("serial", "observed_at", "value")
            )
            for row in rows:
                instant = to_us(datetime.fromisoformat(row[time_at]))
                yield row[serial_at], instant, float(row[value_at])

    def missing(self, serial: str, boot_id: int) -> Sequence[tuple[int, int]]:
        """Give the runs of sequence numbers of a boot that never arrived, ascending.

        Raises:
            WeirError: as the gateway raises; a device that it does not know has none.
        """
        device = self._device(serial)
        for boot in device["gaps"] if device else ():
            if boot["boot_id"] == boot_id:
                return [(first, last) for first, last in boot["missing"]]
        return []

    def undecodable(self, since_us: int) -> Iterator[tuple[str, int]]:
        """Give serial and size of each message that was rejected as undecodable since then.

        Raises:
            WeirError: as the gateway raises.
        """
        parameters = {"reason": "undecodable", "since": iso(from_us(since_us - _EARLIER_US))}
        for each in self._gateway.get_all(
            "/v1/dead-letters", parameters, key="dead_letters", limit=None
        ):
            yield each["serial"] or "", each["body_bytes"]

    def _device(self, serial: str) -> Answer | None:
        """Ask for a device once; None: the gateway does not know it."""
        if serial not in self._devices:
            self._wait()
            try:
                self._devices[serial] = self._gateway.get(f"/v1/devices/{serial}")
            except NotFoundError:
                self._devices[serial] = None
        return self._devices[serial]

    def _wait(self) -> None:
        """Keep to the pace that a gateway permits."""
        time.sleep(max(0.0, self._next_s - time.monotonic()))
        self._next_s = max(self._next_s, time.monotonic()) + 1.0 / REQUESTS_PER_S


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _LINE_BYTES_MAX:
            raise GatewayUnavailableError("the gateway sends a line without an end")
        for line in lines:
            yield line.decode("utf-8")
    if rest:
        yield rest.decode("utf-8")
