"""Read the inverter of any maker that follows SunSpec, over Modbus TCP.

Sources: SunSpec Alliance, "SunSpec Device Information Model Specification", version 1.1:
identifier, layout of models, types and their values for "not implemented"; "SunSpec Information
Model Reference", models 1 (common) and 101, 102, 103 (inverter, integers with scale factors; one,
two, three phases).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from producers.drivers._answers import at_present
from producers.drivers._modbus_client import ModbusConnection
from producers.drivers._modbus_map import Block, Table
from producers.drivers._values import checked
from producers.drivers.modbus_tcp import ModbusServer
from weir.codec.encode import Value
from weir.codec.json_text import compact_json
from weir.driver import Driver, Poll, Polled
from weir.errors import DecodeError
from weir.model.announcement import FieldDescription, Kind
from weir.model.device_event import DeviceEvent

ADDRESS_MAX = 65_535
#: "SunS": what a map of SunSpec begins with, at one of three addresses.
_MARKER = (0x5375, 0x6E53)
_BASES = (40_000, 50_000, 0)
_END_OF_MODELS = 0xFFFF
#: A device has some ten; more is a map that never ends.
MODEL_COUNT_MAX = 64
_COMMON = 1
_INVERTERS = {101: 1, 102: 2, 103: 3}
_INVERTER_LENGTH = 50
_COMMON_LENGTH = 65
_HEAD = 2

#: What stands for "not implemented" in 16 bits, unsigned and signed; a scale factor is signed.
_NO_UNSIGNED, _NO_SIGNED = 0xFFFF, 0x8000
_SCALE_EXPONENT_MAX = 10
_WORD = 1 << 16
_SIGN = 1 << 15

#: Values of the point `St`.
_STATES = {
    1: "off",
    2: "sleeping",
    3: "starting",
    4: "mppt",
    5: "throttled",
    6: "shutting_down",
    7: "fault",
    8: "standby",
}
_STATE_AT = 36
_ENERGY_AT, _ENERGY_SCALE_AT = 22, 24


@dataclass(frozen=True, slots=True)
class _Point:
    """A number of the inverter models; places count from the first register behind the length."""

    field: str
    at: int
    scale_at: int
    unit: str
    description: str
    is_signed: bool = False


_POINTS = (
    _Point("current", 0, 4, "A", "Current of all phases"),
    _Point("current.a", 1, 4, "A", "Current of phase A"),
    _Point("current.b", 2, 4, "A", "Current of phase B"),
    _Point("current.c", 3, 4, "A", "Current of phase C"),
    _Point("voltage.ab", 5, 11, "V", "Voltage between phases A and B"),
    _Point("voltage.bc", 6, 11, "V", "Voltage between phases B and C"),
    _Point("voltage.ca", 7, 11, "V", "Voltage between phases C and A"),
    _Point("voltage.a", 8, 11, "V", "Voltage of phase A"),
    _Point("voltage.b", 9, 11, "V", "Voltage of phase B"),
    _Point("voltage.c", 10, 11, "V", "Voltage of phase C"),
    _Point("power", 12, 13, "W", "Power to the grid", is_signed=True),
    _Point("frequency", 14, 15, "Hz", "Frequency of the grid"),
    _Point("apparent_power", 16, 17, "V.A", "Apparent power", is_signed=True),
    _Point("reactive_power", 18, 19, "V.A", "Reactive power, var", is_signed=True),
    _Point("power_factor", 20, 21, "%", "Power factor", is_signed=True),
    _Point("dc.current", 25, 26, "A", "Current of the generator"),
    _Point("dc.voltage", 27, 28, "V", "Voltage of the generator"),
    _Point("dc.power", 29, 30, "W", "Power of the generator", is_signed=True),
    _Point("temperature.cabinet", 31, 35, "Cel", "Temperature of the cabinet", is_signed=True),
    _Point("temperature.sink", 32, 35, "Cel", "Temperature of the heat sink", is_signed=True),
)


class SunspecConfiguration(ModbusServer):
    """Where the inverter is."""

    base: int | None = Field(
        None, ge=0, le=ADDRESS_MAX, description="where its map begins; absent: 40000, 50000 or 0"
    )


class Sunspec(Driver[SunspecConfiguration]):
    """An inverter of models 101 to 103. Its maker, model and serial are a device event, once."""

    name = "sunspec"
    model = "sunspec-inverter-1"
    configuration_class = SunspecConfiguration

    def __init__(self, configuration: SunspecConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        self._connection = ModbusConnection(
            self.name,
            configuration.host,
            configuration.port,
            device_id=configuration.device_id,
            timeout_s=configuration.timeout_s,
        )
        self._inverter: Block | None = None

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """All that the models have; an inverter leaves out what it does not measure."""
        return (
            *(FieldDescription(point.field, point.unit, point.description) for point in _POINTS),
            FieldDescription(
                "energy", "W.h", "Energy to the grid since installation", Kind.TOTAL_INCREASING
            ),
            FieldDescription("state", "", "What it does: mppt, throttled, fault, ..."),
        )

    async def read(self, poll: Poll) -> Polled:
        """Read the inverter's block; for the first time after finding it.

        Raises:
            DecodeError: no map of SunSpec, no inverter in it, or a wrong value.
            DeviceUnavailableError: it does not answer.
        """
        events = []
        if self._inverter is None:
            common, self._inverter = await self._find()
            nameplate = decode_common(await self._connection.read(common))
            events.append(DeviceEvent(poll.end_us, "nameplate", compact_json(nameplate)))
        values = decode_inverter(await self._connection.read(self._inverter))
        return Polled(at_present(poll, values), events)

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def _find(self) -> tuple[Block, Block]:
        """Walk along the models, each of which says how long it is."""
        address = await self._base() + len(_MARKER)
        common: Block | None = None
        seen = []
        for _ in range(MODEL_COUNT_MAX):
            model, length = await self._connection.read(Block(Table.HOLDING, address, _HEAD))
            if model == _END_OF_MODELS:
                break
            seen.append(model)
            if model == _COMMON and length >= _COMMON_LENGTH:
                common = Block(Table.HOLDING, address + _HEAD, _COMMON_LENGTH)
            if model in _INVERTERS and common is not None:
                if length != _INVERTER_LENGTH:
                    raise DecodeError(f"model {model} has {length} registers, not 50")
                return common, Block(Table.HOLDING, address + _HEAD, _INVERTER_LENGTH)
            address += _HEAD + length
            if address + _HEAD > ADDRESS_MAX:
                break
        raise DecodeError(f"no inverter (model 101, 102 or 103) among the models {seen}")

    async def _base(self) -> int:
        wanted = self.configuration.base
        problems = []
        for base in _BASES if wanted is None else (wanted,):
            try:
                found = await self._connection.read(Block(Table.HOLDING, base, len(_MARKER)))
            except DecodeError as error:
                # It has no such registers: the next address may be right.
                problems.append(str(error))
                continue
            if tuple(found) == _MARKER:
                return base
            problems.append(f"at {base} is {found!r}")
        raise DecodeError(f"no map of SunSpec: {'; '.join(problems)}")


def decode_common(words: Sequence[int]) -> dict[str, str]:
    """Give maker, model, version and serial of the common model (1); texts that are empty are not.

    Raises:
        DecodeError: a text is not UTF-8.
    """
    places = {"maker": (0, 16), "model": (16, 16), "version": (40, 8), "serial": (48, 16)}
    texts = {name: _text(words[at : at + count]) for name, (at, count) in places.items()}
    return {name: text for name, text in texts.items() if text}


def decode_inverter(words: Sequence[int]) -> dict[str, Value]:
    """Give the values of an inverter model (101, 102, 103), without what is not implemented.

    Raises:
        DecodeError: a scale factor or a state that does not exist.
    """
    values: dict[str, Value] = {}
    for point in _POINTS:
        word = words[point.at]
        if word == (_NO_SIGNED if point.is_signed else _NO_UNSIGNED):
            continue
        number = _signed(word) if point.is_signed else word
        values[point.field] = _scaled(number, words[point.scale_at], point.field)
    # An accumulator that is not implemented is 0.
    energy = words[_ENERGY_AT] * _WORD + words[_ENERGY_AT + 1]
    if energy:
        values["energy"] = _scaled(energy, words[_ENERGY_SCALE_AT], "energy")
    state = words[_STATE_AT]
    if state != _NO_UNSIGNED:
        if state not in _STATES:
            raise DecodeError(f"state: {state} is none of 1 to {len(_STATES)}")
        values["state"] = _STATES[state]
    return values


def _scaled(number: int, factor_word: int, name: str) -> float:
    if factor_word == _NO_SIGNED:
        return checked(number, name)
    exponent = _signed(factor_word)
    if abs(exponent) > _SCALE_EXPONENT_MAX:
        raise DecodeError(f"{name}: a scale factor of {exponent}, at most 10 is allowed")
    # Divided, not multiplied by 0.1: so 2305 tenths are 230.5, the nearest double.
    return checked(number * 10**exponent if exponent >= 0 else number / 10**-exponent, name)


def _signed(word: int) -> int:
    return word - _WORD if word & _SIGN else word


def _text(words: Sequence[int]) -> str:
    raw = b"".join(word.to_bytes(2, "big") for word in words)
    try:
        return raw.rstrip(b"\0 ").decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError(f"a text that is not UTF-8: {raw!r}") from error
