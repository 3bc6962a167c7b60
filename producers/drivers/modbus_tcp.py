"""Read and write registers and bits of a Modbus device over TCP, as configured.

Sources are with the two halves of it: `_modbus_map` and `_modbus_client`.
"""

import random
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from producers.drivers._answers import at_present
from producers.drivers._mapping import FieldName
from producers.drivers._modbus_client import ModbusConnection
from producers.drivers._modbus_map import Block, Register, decode, decode_fields, encode, plan
from producers.drivers._parameters import parse
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import CommandRefusedError, DecodeError
from weir.model.announcement import FieldDescription
from weir.model.built_in_commands import SetField, built_in
from weir.model.capabilities import CommandDescription
from weir.model.limits import FIELD_COUNT_MAX

TIMEOUT_S_MAX = 60.0
GAP_MAX = 100
_HOST_LENGTH_MAX = 253
_PORT_MAX = 65_535
#: "MODBUS Messaging on TCP/IP Implementation Guide V1.0b", 4.4.2.1: 255 is the device itself.
_DEVICE_ID_MAX = 255


class ModbusServer(DriverConfiguration):
    """Where a device is."""

    host: str = Field(min_length=1, max_length=_HOST_LENGTH_MAX, description="name or address")
    port: int = Field(502, ge=1, le=_PORT_MAX, description="TCP port")
    device_id: int = Field(
        1, ge=0, le=_DEVICE_ID_MAX, description="unit identifier, behind a gateway the device's"
    )
    timeout_s: float = Field(3.0, gt=0, le=TIMEOUT_S_MAX, description="for each request")


class ModbusTcpConfiguration(ModbusServer):
    """Where the device is, and which of its registers are fields."""

    registers: dict[FieldName, Register] = Field(
        min_length=1, max_length=FIELD_COUNT_MAX, description="by names of fields"
    )
    gap_max: int = Field(
        0, ge=0, le=GAP_MAX, description="unwanted registers to read along, for fewer requests"
    )


class ModbusTcp(Driver[ModbusTcpConfiguration]):
    """A device with registers; each poll takes as few requests as its gaps allow."""

    name = "modbus_tcp"
    model = "modbus-tcp-1"
    configuration_class = ModbusTcpConfiguration

    def __init__(self, configuration: ModbusTcpConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        self._blocks = plan(configuration.registers.values(), configuration.gap_max)
        self._connection = ModbusConnection(
            self.name,
            configuration.host,
            configuration.port,
            device_id=configuration.device_id,
            timeout_s=configuration.timeout_s,
        )

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """The configured registers."""
        registers = self.configuration.registers.items()
        return tuple(register.described(name) for name, register in registers)

    @property
    def writable(self) -> tuple[str, ...]:
        """Those with access `read_write`."""
        registers = self.configuration.registers.items()
        return tuple(name for name, register in registers if register.access == "read_write")

    @property
    def commands(self) -> tuple[CommandDescription, ...]:
        """`set`, where something can be written."""
        return (built_in("set"),) if self.writable else ()

    async def read(self, poll: Poll) -> Polled:
        """Ask for all registers.

        Raises:
            DecodeError: it does not have one of them, or a value is wrong.
            DeviceUnavailableError: it does not answer.
        """
        answers = {block: await self._connection.read(block) for block in self._blocks}
        return Polled(at_present(poll, decode_fields(self.configuration.registers, answers)))

    async def act(self, command: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write a field, and give what the device has then.

        Raises:
            CommandRefusedError: it cannot be written, or not so.
            DeviceUnavailableError: it does not answer.
        """
        if command != "set" or not self.writable:
            return await super().act(command, parameters)
        wanted = parse(SetField, parameters)
        name = wanted.field
        if name not in self.writable:
            raise CommandRefusedError(f"{name!r} cannot be set: {', '.join(self.writable)} can")
        register = self.configuration.registers[name]
        block = Block(register.table, register.address, register.count)
        try:
            words = encode(name, register, wanted.value)
            await self._connection.write(register.table, register.address, words)
            return {
                "field": name,
                "value": decode(name, register, await self._connection.read(block)),
            }
        except DecodeError as error:
            raise CommandRefusedError(str(error)) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()
