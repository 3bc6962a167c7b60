"""Registers as fields: few requests, exact words, limits; and a real server that has them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from producers.drivers._modbus_map import (
    ADDRESS_MAX,
    BIT_COUNT_MAX,
    REGISTER_COUNT_MAX,
    Block,
    Register,
    Table,
    decode,
    encode,
    plan,
)
from producers.drivers.modbus_tcp import ModbusTcp, ModbusTcpConfiguration
from tests.contract.driver_cases import modbus_device
from weir.driver import Poll
from weir.errors import CommandRefusedError, DecodeError, DeviceUnavailableError

POLL = Poll(1_795_248_000_000_000, 1_795_248_001_000_000)


def register(**settings: Any) -> Register:
    return Register.model_validate({"address": 0, **settings})


@pytest.mark.parametrize(
    ("places", "gap_max", "blocks"),
    [
        ([(0, "uint16"), (1, "float32"), (3, "uint16")], 0, [(0, 4)]),
        ([(10, "uint16"), (0, "uint16")], 0, [(0, 1), (10, 1)]),
        ([(10, "uint16"), (0, "uint16")], 9, [(0, 11)]),
        ([(10, "uint16"), (0, "uint16")], 8, [(0, 1), (10, 1)]),
        ([(0, "uint64"), (1, "uint16"), (0, "uint16")], 0, [(0, 4)]),
        ([(n, "uint16") for n in range(REGISTER_COUNT_MAX + 1)], 0, [(0, 125), (125, 1)]),
        ([(0, "uint16"), (124, "uint32")], 200, [(0, 1), (124, 2)]),
    ],
)
def test_few_requests_cover_all_registers(
    places: list[tuple[int, str]], gap_max: int, blocks: list[tuple[int, int]]
) -> None:
    registers = [register(address=address, type=kind) for address, kind in places]
    expected = [Block(Table.HOLDING, address, count) for address, count in blocks]
    assert expected == plan(registers, gap_max)


def test_tables_are_asked_apart_and_bits_in_greater_numbers() -> None:
    coils = [register(table="coil", address=n) for n in range(BIT_COUNT_MAX + 1)]
    assert [
        Block(Table.COIL, 0, BIT_COUNT_MAX),
        Block(Table.COIL, BIT_COUNT_MAX, 1),
        Block(Table.INPUT, 0, 1),
    ] == plan([*coils, register(table="input")], 0)


@pytest.mark.parametrize(
    ("settings", "words", "value"),
    [
        ({"type": "int16"}, [0xFFFE], -2),
        ({"type": "uint16"}, [0xFFFE], 65_534),
        ({"type": "uint32"}, [0x1234, 0x5678], 0x12345678),
        ({"type": "uint32", "word_order": "little"}, [0x5678, 0x1234], 0x12345678),
        ({"type": "int32"}, [0xFFFF, 0xFF7E], -130),
        ({"type": "float32"}, [0x4366, 0x8000], 230.5),
        ({"type": "int64"}, [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE], -2),
        ({"type": "uint64", "word_order": "little"}, [1, 2, 0, 0], 0x20001),
        ({"type": "float64"}, [0x406C, 0xD000, 0, 0], 230.5),
        ({"scale": 0.1, "offset": -40}, [605], 20.5),
        ({"table": "coil"}, [1], True),
    ],
)
def test_words_become_values_and_values_words(
    settings: dict[str, Any], words: list[int], value: float
) -> None:
    assert value == decode("x", register(**settings), words)
    assert words == encode("x", register(**settings), value)


@pytest.mark.parametrize(("bit", "value"), [(0, True), (1, False), (15, True)])
def test_one_bit_of_a_register_is_a_boolean(bit: int, value: bool) -> None:
    assert value is decode("x", register(bit=bit), [0x8001])


def test_a_number_that_stands_for_no_value_is_none() -> None:
    assert None is decode("x", register(type="int16", missing=[-32768], low=0), [0x8000])


@pytest.mark.parametrize(
    ("settings", "words", "said"),
    [
        ({"type": "float32"}, [0x7FC0, 0], r"x: nan .* registers: b'\\x7f\\xc0\\x00\\x00'"),
        ({"type": "uint64"}, [0xFFFF] * 4, "beyond 2"),
        ({"low": 5}, [4], "x: 4 is below 5"),
        ({"high": 0.5, "scale": 0.1}, [6], "is above 0.5"),
    ],
)
def test_a_value_out_of_range_is_an_error_with_its_registers(
    settings: dict[str, Any], words: list[int], said: str
) -> None:
    with pytest.raises(DecodeError, match=said):
        decode("x", register(**settings), words)


@pytest.mark.parametrize(
    ("settings", "value", "said"),
    [
        ({}, 65_536, "65536 does not fit uint16"),
        ({}, -1, "does not fit"),
        ({"type": "float32"}, 1e39, "does not fit float32"),
        ({"scale": 0.001}, 66, "does not fit"),
        ({}, True, "is a number"),
        ({"table": "coil"}, 1, "true or false"),
        ({"low": 5}, 4.9, "below 5"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    settings: dict[str, Any], value: Any, said: str
) -> None:
    with pytest.raises(CommandRefusedError, match=said):
        encode("x", register(**settings), value)


@pytest.mark.parametrize(
    "settings",
    [
        {"table": "input", "access": "read_write"},
        {"bit": 16},
        {"bit": 1, "type": "int32"},
        {"bit": 1, "access": "read_write"},
        {"address": ADDRESS_MAX, "type": "uint32"},
        {"address": ADDRESS_MAX + 1},
        {"scale": 0},
    ],
)
def test_what_no_device_has_cannot_be_configured(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        register(**settings)


@asynccontextmanager
async def driver(port: int, **settings: Any) -> AsyncIterator[ModbusTcp]:
    registers = {
        "setpoint": {"address": 40, "scale": 0.1, "access": "read_write", "high": 30},
        "limit": {"address": 41, "type": "float32", "access": "read_write"},
        "pump": {"table": "coil", "address": 5, "access": "read_write"},
        "power": {"table": "input", "address": 0, "type": "int16"},
    }
    document = {"host": "127.0.0.1", "port": port, "registers": registers, **settings}
    made = ModbusTcp(ModbusTcpConfiguration.model_validate(document), random.Random(1))
    try:
        yield made
    finally:
        await made.close()


MEMORY = {"holding": {"40": [200, 0, 0]}, "coil": {"5": [0]}, "input": {"0": [7]}}


@pytest.mark.parametrize(
    ("field", "value", "read_back"),
    [("setpoint", 21.46, 21.5), ("limit", 0.5, 0.5), ("pump", True, True)],
)
async def test_what_is_set_is_in_the_device_and_given_back(
    field: str, value: Any, read_back: Any
) -> None:
    async with modbus_device(MEMORY) as port, driver(port) as device:
        result = await device.act("set", {"field": field, "value": value})
        assert {"field": field, "value": pytest.approx(read_back)} == result
        polled = await device.read(POLL)
        values = {item.name: item.values[0] for item in polled.readings}
        assert read_back == pytest.approx(values[field])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("power", 1, "cannot be set: setpoint, limit, pump can"), ("setpoint", 31, "above 30")],
)
async def test_what_must_not_be_set_is_refused(field: str, value: Any, said: str) -> None:
    async with modbus_device(MEMORY) as port, driver(port) as device:
        with pytest.raises(CommandRefusedError, match=said):
            await device.act("set", {"field": field, "value": value})


async def test_registers_that_it_does_not_have_are_named() -> None:
    async with modbus_device({"holding": {"0": [1]}}) as port, driver(port) as device:
        with pytest.raises(DecodeError, match="coil 5: it has no such registers"):
            await device.read(POLL)
        with pytest.raises(CommandRefusedError, match="illegal data address"):
            await device.act("set", {"field": "setpoint", "value": 20})


async def test_a_device_that_comes_back_is_read_again() -> None:
    async with AsyncExitStack() as stack:
        async with modbus_device(MEMORY) as port:
            device = await stack.enter_async_context(driver(port, timeout_s=0.5))
            assert (await device.read(POLL)).readings
        with pytest.raises(DeviceUnavailableError):
            await device.read(POLL)
        async with modbus_device(MEMORY, port=port):
            assert (await device.read(POLL)).readings


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes(range(256)),
        # The right transaction, and fewer registers than it says.
        b"\x00\x01\x00\x00\x00\x05\x01\x03\x06\x00\x01",
        b"\x00\x01\x00\x00\x00\x05\x01\x03\x02\x00\x01",
        # An exception that the specification does not have.
        b"\x00\x01\x00\x00\x00\x03\x01\x83\x63",
        b"\x00\x01\x00\x00\x00\x03\x01\x83\x06",
    ],
)
async def test_whatever_a_port_answers_is_an_error_of_ours(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, driver(port, timeout_s=0.3) as device:
        with pytest.raises((DecodeError, DeviceUnavailableError)):
            await device.read(POLL)
