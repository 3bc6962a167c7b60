"""One Modbus TCP connection, with its errors as ours.

Source of the exception codes: Modbus Organization, "MODBUS Application Protocol Specification
V1.1b3", section 7.
"""

import logging
from collections.abc import Sequence
from typing import Any

from producers.drivers._answers import load
from producers.drivers._modbus_map import Block, Table
from weir.errors import DecodeError, DeviceUnavailableError

#: What the device says about our request: no retry helps, the configuration is wrong.
_REFUSALS = {
    1: "it knows no such request (illegal function)",
    2: "it has no such registers (illegal data address)",
    3: "it does not take that (illegal data value)",
}
#: What it says about itself.
_TROUBLES = {
    4: "it has failed (server device failure)",
    5: "it has begun, and takes long (acknowledge)",
    6: "it is busy (server device busy)",
    8: "its memory is broken (memory parity error)",
    10: "the gateway has no way to it (gateway path unavailable)",
    11: "it does not answer the gateway (gateway target device failed to respond)",
}


class ModbusConnection:
    """Connects when first asked, and again after a loss.

    Raises:
        ConfigError: the library is not installed.
    """

    def __init__(
        self, driver: str, host: str, port: int, *, device_id: int, timeout_s: float
    ) -> None:
        self._module = load(driver, "pymodbus.client", "drivers")
        self._exceptions = load(driver, "pymodbus.exceptions", "drivers")
        # The library logs what it also raises.
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        self._host, self._port = host, port
        self._where = f"{host}:{port}"
        self._device_id = device_id
        self._timeout_s = timeout_s
        #: Made when it is first used, because it wants an event loop.
        self._made: Any = None

    @property
    def _client(self) -> Any:
        if self._made is None:
            # No reconnecting of its own: whoever polls decides when.
            self._made = self._module.AsyncModbusTcpClient(
                self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0
            )
        return self._made

    async def read(self, block: Block) -> Sequence[int]:
        """Give the registers, or bits, of a block: as many as it asks for.

        Raises:
            DecodeError: it answers something else, or does not have them.
            DeviceUnavailableError: it does not answer, or has trouble.
        """
        client = self._client
        request = {
            Table.HOLDING: client.read_holding_registers,
            Table.INPUT: client.read_input_registers,
            Table.COIL: client.read_coils,
            Table.DISCRETE: client.read_discrete_inputs,
        }[block.table]
        last = f" to {block.end - 1}" if block.count > 1 else ""
        what = f"{block.table} {block.address}{last}"
        answer = await self._ask(what, request, block.address, count=block.count)
        # Bits come in whole bytes.
        words = answer.bits[: block.count] if block.table.is_bits else answer.registers
        if len(words) != block.count:
            raise DecodeError(f"{self._where}, {what}: an answer of {len(words)}: {words[:16]!r}")
        return [int(word) for word in words]

    async def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Write registers, or one coil; returns when the device has confirmed.

        Raises:
            DecodeError: it does not take them.
            DeviceUnavailableError: it does not answer, or has trouble.
        """
        client, what = self._client, f"writing {table} {address}"
        if table is Table.COIL:
            await self._ask(what, client.write_coil, address, bool(words[0]))
        elif len(words) == 1:
            await self._ask(what, client.write_register, address, words[0])
        else:
            await self._ask(what, client.write_registers, address, list(words))

    async def close(self) -> None:
        """Close the connection."""
        if self._made is not None:
            self._made.close()

    async def _ask(self, what: str, request: Any, *arguments: Any, **options: Any) -> Any:
        if not self._client.connected and not await self._client.connect():
            raise DeviceUnavailableError(f"{self._where}: no connection")
        try:
            answer = await request(*arguments, device_id=self._device_id, **options)
        except self._exceptions.ModbusException as error:
            # What comes late would be taken for the answer to the next request.
            self._client.close()
            raise DeviceUnavailableError(
                f"{self._where}, {what}: no answer within {self._timeout_s:g} s"
            ) from error
        if not answer.isError():
            return answer
        code = getattr(answer, "exception_code", 0)
        if code in _REFUSALS:
            raise DecodeError(f"{self._where}, {what}: {_REFUSALS[code]}, exception {code}")
        said = _TROUBLES.get(code, f"exception {code}")
        raise DeviceUnavailableError(f"{self._where}, {what}: {said}")
