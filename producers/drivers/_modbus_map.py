"""Registers and bits of a Modbus device as fields: which requests they take, what their words mean.

Pure. Source: Modbus Organization, "MODBUS Application Protocol Specification V1.1b3", sections 4.3
(data model), 4.4 (addresses on the wire count from 0), 6.1 to 6.4 (what one request may ask for).
Values of several registers have no standard: the order of the words is a setting, and bytes within
a word are big-endian (section 4.2).
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from producers.drivers._mapping import FieldMeaning
from producers.drivers._values import checked
from weir.codec.encode import Value
from weir.errors import CommandRefusedError, DecodeError

#: What one request may ask for: registers (6.3, 6.4) and bits (6.1, 6.2).
REGISTER_COUNT_MAX = 125
BIT_COUNT_MAX = 2_000
ADDRESS_MAX = 65_535
MISSING_COUNT_MAX = 16
LIMIT_MAX = 1e15
_WORD_BITS = 16


class Table(StrEnum):
    """The four tables of a device."""

    HOLDING = "holding"
    INPUT = "input"
    COIL = "coil"
    DISCRETE = "discrete"

    @property
    def is_bits(self) -> bool:
        """Whether there are bits in it, not registers."""
        return self in {Table.COIL, Table.DISCRETE}

    @property
    def count_max(self) -> int:
        """How many one request may ask for."""
        return BIT_COUNT_MAX if self.is_bits else REGISTER_COUNT_MAX


#: How `struct` reads the words of a number, most significant first.
_LAYOUTS = {
    "uint16": ">H",
    "int16": ">h",
    "uint32": ">I",
    "int32": ">i",
    "float32": ">f",
    "uint64": ">Q",
    "int64": ">q",
    "float64": ">d",
}


class Register(FieldMeaning):
    """One field: where it is in the device, and what its words mean."""

    table: Table = Field(Table.HOLDING, description="holding, input, coil or discrete")
    address: int = Field(
        ge=0, le=ADDRESS_MAX, description="on the wire, from 0: what manuals call 40001 is 0"
    )
    type: Literal["uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64"] = (
        Field("uint16", description="of registers; coils and discrete inputs are booleans")
    )
    word_order: Literal["big", "little"] = Field(
        "big", description="which of several registers comes first: the most significant, or not"
    )
    bit: int | None = Field(
        None, ge=0, lt=_WORD_BITS, description="one bit of a register as a boolean; 0 is the least"
    )
    missing: tuple[int, ...] = Field(
        (), max_length=MISSING_COUNT_MAX, description="numbers, unscaled, that stand for no value"
    )
    low: float | None = Field(
        None, ge=-LIMIT_MAX, le=LIMIT_MAX, description="below this, in its unit, it is wrong"
    )
    high: float | None = Field(
        None, ge=-LIMIT_MAX, le=LIMIT_MAX, description="above this, in its unit, it is wrong"
    )
    access: Literal["read", "read_write"] = Field("read", description="whether `set` may write it")

    @model_validator(mode="after")
    def _consistent(self) -> "Register":
        if self.access == "read_write" and self.table in {Table.INPUT, Table.DISCRETE}:
            raise ValueError("only holding registers and coils can be written")
        if self.bit is not None and (
            self.table.is_bits or self.type != "uint16" or self.access == "read_write"
        ):
            raise ValueError("`bit` is of a uint16 register that is only read")
        if self.address + self.count - 1 > ADDRESS_MAX:
            raise ValueError(f"its last register is beyond {ADDRESS_MAX}")
        if self.scale == 0.0:
            raise ValueError("a scale of 0 makes everything equal")
        return self

    @property
    def count(self) -> int:
        """How many registers, or bits, it takes."""
        return 1 if self.table.is_bits else struct.calcsize(_LAYOUTS[self.type]) // 2


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """What one request asks for."""

    table: Table
    address: int
    count: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.count


def plan(registers: Iterable[Register], gap_max: int) -> list[Block]:
    """Choose few requests that cover all registers.

    `gap_max`: unwanted registers between two wanted ones that are read along; many devices refuse
    to be asked for what they do not have.
    """
    blocks: list[Block] = []
    wanted = sorted(
        Block(register.table, register.address, register.count) for register in registers
    )
    for block in wanted:
        last = blocks[-1] if blocks else None
        if (
            last is not None
            and last.table is block.table
            and block.address <= last.end + gap_max
            and max(block.end, last.end) - last.address <= block.table.count_max
        ):
            blocks[-1] = Block(last.table, last.address, max(last.end, block.end) - last.address)
        else:
            blocks.append(block)
    return blocks


def decode_fields(
    registers: Mapping[str, Register], answers: Mapping[Block, Sequence[int]]
) -> dict[str, Value]:
    """Give the fields' values out of the answers to all blocks; what is missing has none.

    Raises:
        DecodeError: a value that is not finite, or outside of its limits.
    """
    values: dict[str, Value] = {}
    for name, register in registers.items():
        for block, words in answers.items():
            first = register.address - block.address
            if (
                block.table is register.table
                and first >= 0
                and first + register.count <= len(words)
            ):
                value = decode(name, register, words[first : first + register.count])
                if value is not None:
                    values[name] = value
                break
    return values


def decode(name: str, register: Register, words: Sequence[int]) -> Value | None:
    """Give the value of one field; `words`: as many as it takes; None: it has none.

    Raises:
        DecodeError: not finite, beyond what is stored exactly, or outside of its limits.
    """
    if register.table.is_bits:
        return bool(words[0])
    if register.bit is not None:
        return bool(words[0] >> register.bit & 1)
    ordered = words if register.word_order == "big" else words[::-1]
    raw = struct.pack(f">{len(ordered)}H", *ordered)
    (number,) = struct.unpack(_LAYOUTS[register.type], raw)
    if number in register.missing:
        return None
    try:
        value = register.scaled(checked(number, name), name)
    except DecodeError as error:
        raise DecodeError(f"{error}; its registers: {raw!r}") from error
    assert not isinstance(value, str)  # noqa: S101 - registers hold numbers
    problem = _outside(register, value)
    if problem:
        raise DecodeError(f"{name}: {problem}; its registers: {raw!r}")
    return value


def encode(name: str, register: Register, value: Value) -> list[int]:
    """Give the words, or the one bit, that write a value; whole numbers are rounded.

    Raises:
        CommandRefusedError: another type, outside of its limits, or more than its registers hold.
    """
    if register.table.is_bits:
        if not isinstance(value, bool):
            raise CommandRefusedError(f"{name} is true or false, not {value!r}")
        return [int(value)]
    if isinstance(value, bool | str):
        raise CommandRefusedError(f"{name} is a number, not {value!r}")
    problem = _outside(register, value)
    if problem:
        raise CommandRefusedError(f"{name}: {problem}")
    number: float = value
    if register.scale != 1.0 or register.offset != 0.0:
        number = (value - register.offset) / register.scale
    layout = _LAYOUTS[register.type]
    try:
        raw = struct.pack(layout, number if register.type.startswith("float") else round(number))
    except (struct.error, OverflowError, ValueError) as error:
        raise CommandRefusedError(f"{name}: {value!r} does not fit {register.type}") from error
    words = list(struct.unpack(f">{register.count}H", raw))
    return words if register.word_order == "big" else words[::-1]


def _outside(register: Register, value: float) -> str:
    if register.low is not None and value < register.low:
        return f"{value:.12g} is below {register.low:.12g}"
    if register.high is not None and value > register.high:
        return f"{value:.12g} is above {register.high:.12g}"
    return ""
