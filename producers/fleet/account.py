"""The account of what a fleet has sent: JSON lines, one for each device and some sixty messages.

The first line says what all have in common, the last the totals. In between, `outcomes` has a
letter for each message: `a` acknowledged, `u` sent and not acknowledged, `m` missing on purpose. A
file that ends early is an account of what it has.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from producers.fleet.faults import Fault
from producers.fleet.plan import DEVICE_COUNT_MAX, FIELD, FleetPlan, Planned
from weir.errors import ConfigError

VERSION = 1
BLOCK_MESSAGES = 60
#: A block of 60 messages with a second of 25 kHz each has some 12 MB.
LINE_BYTES_MAX = 32 * 1024 * 1024


class Outcome(StrEnum):
    """What became of a message."""

    ACKNOWLEDGED = "a"
    UNACKNOWLEDGED = "u"
    MISSING = "m"


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Header(_Line):
    """What all devices have in common."""

    account: int = Field(ge=VERSION, le=VERSION)
    field: str
    boot_id: int
    period_us: int = Field(gt=0)
    readings_per_message: int = Field(gt=0)
    started_us: int
    devices: int = Field(ge=1, le=DEVICE_COUNT_MAX)
    rate_hz: float
    seed: int
    prefix: str
    faults: dict[str, float]


class Garbage(_Line):
    """Something that is no message, and what became of it."""

    body: str = Field(description="hexadecimal")
    acknowledged: bool


class Block(_Line):
    """Messages of one device, in the order of their numbers."""

    serial: str
    first_sequence: int = Field(ge=1)
    first_us: int
    values: list[float]
    outcomes: str = Field(pattern="^[aum]+$", max_length=BLOCK_MESSAGES)
    faults: dict[Fault, list[int]] = Field(default_factory=dict)
    garbage: list[Garbage] = Field(default_factory=list)


@dataclass
class Totals:
    """How much of everything there was."""

    messages_sent: int = 0
    messages_acknowledged: int = 0
    messages_missing: int = 0
    readings_sent: int = 0
    readings_acknowledged: int = 0
    garbage_sent: int = 0
    garbage_acknowledged: int = 0
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Fault, 0))

    @property
    def is_all_acknowledged(self) -> bool:
        """Whether the broker has taken everything."""
        return (
            self.messages_acknowledged == self.messages_sent
            and self.garbage_acknowledged == self.garbage_sent
        )


@dataclass
class _OpenBlock:
    serial: str
    planned: list[Planned] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    garbage: dict[int, bool] = field(default_factory=dict)
    unsettled: int = 0


class AccountBook:
    """Books what is sent and acknowledged; writes a block when all of it is settled.

    Args:
        file: where lines go; None: only totals are kept.
    """

    def __init__(self, plan: FleetPlan, started_us: int, file: BinaryIO | None) -> None:
        self.totals = Totals()
        self._plan = plan
        self._file = file
        self._open: dict[str, list[_OpenBlock]] = {}
        header = Header(
            account=VERSION,
            field=FIELD,
            boot_id=plan.boot_id,
            period_us=plan.period_us,
            readings_per_message=plan.readings_per_message,
            started_us=started_us,
            devices=plan.devices,
            rate_hz=plan.rate_hz,
            seed=plan.seed,
            prefix=plan.prefix,
            faults=asdict(plan.faults),
        )
        self._write(header.model_dump())

    def book(self, serial: str, planned: Planned) -> None:
        """Enter a message, before it is sent for the first time; in the order of numbers."""
        blocks = self._open.setdefault(serial, [])
        if not blocks or len(blocks[-1].planned) == BLOCK_MESSAGES:
            blocks.append(_OpenBlock(serial))
        block = blocks[-1]
        block.planned.append(planned)
        totals = self.totals
        if planned.fault is not None:
            totals.faults[planned.fault] += 1
        if planned.fault is Fault.MISSING:
            block.outcomes.append(Outcome.MISSING)
            totals.messages_missing += 1
        else:
            block.outcomes.append(Outcome.UNACKNOWLEDGED)
            block.unsettled += 1
            totals.messages_sent += 1
            totals.readings_sent += len(planned.values)
        if planned.garbage:
            block.garbage[planned.sequence] = False
            block.unsettled += 1
            totals.garbage_sent += 1

    def acknowledge(self, serial: str, sequence: int) -> None:
        """Enter that the broker has a message; a second time changes nothing."""
        block = self._find(serial, sequence)
        if block is None:
            return
        index = sequence - block.planned[0].sequence
        if block.outcomes[index] is Outcome.UNACKNOWLEDGED:
            block.outcomes[index] = Outcome.ACKNOWLEDGED
            self.totals.messages_acknowledged += 1
            self.totals.readings_acknowledged += len(block.planned[index].values)
            self._settle(block)

    def acknowledge_garbage(self, serial: str, sequence: int) -> None:
        """Enter that the broker has what was sent after a message."""
        block = self._find(serial, sequence)
        if block is not None and block.garbage.get(sequence) is False:
            block.garbage[sequence] = True
            self.totals.garbage_acknowledged += 1
            self._settle(block)

    def close(self) -> None:
        """Write what is not settled as it is, and the totals."""
        for blocks in self._open.values():
            for block in blocks:
                self._write_block(block)
        self._open.clear()
        self._write({"totals": asdict(self.totals)})

    def _find(self, serial: str, sequence: int) -> _OpenBlock | None:
        for block in self._open.get(serial, ()):
            first = block.planned[0].sequence
            if first <= sequence < first + len(block.planned):
                return block
        return None

    def _settle(self, block: _OpenBlock) -> None:
        block.unsettled -= 1
        if not block.unsettled and len(block.planned) == BLOCK_MESSAGES:
            self._open[block.serial].remove(block)
            self._write_block(block)

    def _write_block(self, block: _OpenBlock) -> None:
        faults: dict[str, list[int]] = {}
        for planned in block.planned:
            if planned.fault is not None:
                faults.setdefault(planned.fault, []).append(planned.sequence)
        line: dict[str, Any] = {
            "serial": block.serial,
            "first_sequence": block.planned[0].sequence,
            "first_us": block.planned[0].first_us,
            "values": [value for planned in block.planned for value in planned.values],
            "outcomes": "".join(block.outcomes),
        }
        if faults:
            line["faults"] = faults
        if block.garbage:
            line["garbage"] = [
                {"body": planned.garbage.hex(), "acknowledged": block.garbage[planned.sequence]}
                for planned in block.planned
                if planned.garbage
            ]
        self._write(line)

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


class AccountFile:
    """An account that was written; blocks are read device by device, however large the file is.

    Attributes:
        header: what all devices have in common.
        totals: as the last line says; None: the file ends early.

    Raises:
        ConfigError: no such file, or it is no account.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.totals: dict[str, Any] | None = None
        #: Where the blocks of each device are.
        self._places: dict[str, list[int]] = {}
        try:
            with path.open("rb") as file:
                first = file.readline(LINE_BYTES_MAX)
                self.header = Header.model_validate_json(first)
                self._index(file)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror or error}") from error
        except ValidationError as error:
            raise ConfigError(f"{path} is no account of iotctl simulate") from error

    @property
    def serials(self) -> list[str]:
        """The devices that have a block."""
        return sorted(self._places)

    def blocks(self, serial: str) -> Iterator[Block]:
        """Give what a device has sent, in order.

        Raises:
            ConfigError: a line is no block.
        """
        with self.path.open("rb") as file:
            for place in self._places[serial]:
                file.seek(place)
                yield self._block(file.readline(LINE_BYTES_MAX))

    def _index(self, file: BinaryIO) -> None:
        place = file.tell()
        while line := file.readline(LINE_BYTES_MAX):
            if line.startswith(b'{"totals":'):
                self.totals = json.loads(line)["totals"]
            elif line.endswith(b"\n"):
                self._places.setdefault(self._block(line).serial, []).append(place)
            place = file.tell()

    def _block(self, line: bytes) -> Block:
        try:
            return Block.model_validate_json(line)
        except ValidationError as error:
            raise ConfigError(f"{self.path}: {line[:60]!r} is no line of an account") from error
