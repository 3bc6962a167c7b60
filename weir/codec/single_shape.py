"""How messages look that differ in their serial, time and value only.

A shape has bytes that are always the same, and places where something varies. Decoding a message of
one reading costs twenty steps of Python; the same steps on columns of bytes cost as much for a
thousand messages. A shape is learned from one message, by the same code that decodes any other, and
serves for every message of the same length whose fixed bytes are the same. Whatever is unusual
about a message keeps it from having a shape, or from matching one: then it is decoded by itself,
and that code says what is wrong with it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.errors import InvalidMessageError
from weir.model.limits import (
    DECIMAL_EXPONENT_MAX,
    FUTURE_US_MAX,
    INTEGER_MAGNITUDE_MAX,
    OBSERVED_AT_US_MIN,
    SEQUENCE_MAX,
)
from weir.model.names import split_key
from weir.telemetry.v1.measurement_pb2 import Batch, DecimalColumn, Field, TimeColumn

Bytes = NDArray[np.uint8]
#: A varint of so many bytes is a number that 64 bits with a sign have room for.
_VARINT_BYTES_MAX = 9
_MORE = 0x80
#: What the messages are that have a shape.
KIND = "measurements"
#: AMQP 1.0, part 1 section 1.6: binary of up to so many bytes has one byte for its length.
_SHORT_MAX = 255
#: Protobuf's "Encoding", section "Message Structure": a varint, and bytes of a length.
_WIRE_VARINT, _WIRE_BYTES = 0, 2


def _numbers(message: type[Message]) -> Mapping[str, int]:
    return {each.name: each.number for each in message.DESCRIPTOR.fields}


_BATCH, _TIMES, _FIELD = _numbers(Batch), _numbers(TimeColumn), _numbers(Field)
_DECIMAL = _numbers(DecimalColumn)
#: The fields that an ordinary message has, and the form in which it has them.
_BATCH_WIRES = {
    _BATCH["serial"]: _WIRE_BYTES,
    _BATCH["boot_id"]: _WIRE_VARINT,
    _BATCH["sequence"]: _WIRE_VARINT,
    _BATCH["sent_after_us"]: _WIRE_VARINT,
    _BATCH["time_columns"]: _WIRE_BYTES,
    _BATCH["fields"]: _WIRE_BYTES,
}
_FIELD_WIRES = {
    _FIELD["name"]: _WIRE_BYTES,
    _FIELD["unit"]: _WIRE_BYTES,
    _FIELD["quality"]: _WIRE_VARINT,
    _FIELD["doubles"]: _WIRE_BYTES,
    _FIELD["floats"]: _WIRE_BYTES,
    _FIELD["integers"]: _WIRE_BYTES,
    _FIELD["decimals"]: _WIRE_BYTES,
}
_DECIMAL_WIRES = {_DECIMAL["steps"]: _WIRE_BYTES, _DECIMAL["exponent"]: _WIRE_VARINT}
_VALUES = {1: _WIRE_BYTES}


@dataclass(frozen=True, slots=True)
class Varying:
    """Bytes `start` to `end` of a message differ from one to the next."""

    start: int
    end: int

    def of(self, block: Bytes) -> Bytes:
        """Cut these bytes out of every row."""
        return block[:, self.start : self.end]


@dataclass(slots=True)
class _Places:
    """Where in a body what varies is."""

    varints: list[Varying] = field(default_factory=list)
    serial: Varying | None = None
    sequence: Varying | None = None
    start: Varying | None = None
    value: Varying | None = None
    decode: Callable[[Bytes], NDArray[np.float64]] | None = None


class _UnusualError(Exception):
    """The message is not one of those that have a shape."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Messages of one length, of one field, with one unit and quality."""

    key: Varying
    name: str
    unit: str
    quality: int
    _fixed: Bytes
    _is_fixed: Bytes
    _places: _Places

    def match(self, block: Bytes) -> NDArray[np.bool_]:
        """Tell of each row whether it is such a message; `block` has the length of the shape."""
        matches: NDArray[np.bool_] = ((block ^ self._fixed) & self._is_fixed == 0).all(axis=1)
        for varint in self._places.varints:
            digits = varint.of(block)
            matches &= (digits[:, :-1] >= _MORE).all(axis=1) & (digits[:, -1] < _MORE)
        if self._places.serial is not None:
            same = self._places.serial.of(block) == self._serial_in_key.of(block)
            matches &= same.all(axis=1)
        return matches

    @property
    def _serial_in_key(self) -> Varying:
        start = self.key.start + len("sensor.")
        return Varying(start, self.key.end - len(f".{KIND}"))

    def read(
        self, block: Bytes, received_at_us: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
        """Give times, values, and which rows of matching messages may be stored."""
        places = self._places
        assert places.start is not None  # noqa: S101 - `learn` has seen to it
        assert places.value is not None  # noqa: S101
        assert places.decode is not None  # noqa: S101
        times = _unsigned(places.start.of(block))
        values = places.decode(places.value.of(block))
        is_good = (times >= OBSERVED_AT_US_MIN) & (times <= received_at_us + FUTURE_US_MAX)
        is_good &= np.isfinite(values)
        if places.sequence is not None:
            is_good &= _unsigned(places.sequence.of(block)) <= SEQUENCE_MAX
        return times, values, is_good


def learn(raw: bytes, key: str, body: bytes, received_at_us: int) -> Shape | None:
    """Find the shape of a stored message; None where it is unusual, or must not be stored.

    `key`, `body`: the routing key and the body that are in it.
    """
    try:
        serial, kind = split_key(key)
        if kind != KIND:
            return None
        batch = decode_measurements(body, serial, received_at_us)
        if isinstance(batch, MeasurementBatch) and batch.reading_count == 1:
            return _learn(raw, key.encode(), body, batch)
    except (InvalidMessageError, _UnusualError):
        return None
    return None


def _learn(raw: bytes, key: bytes, body: bytes, batch: MeasurementBatch) -> Shape | None:
    at = len(raw) - len(body)
    key_at = raw.find(key)
    is_last = raw[at:] == body and raw[:at].endswith(_data_heads(len(body)))
    if not is_last or raw.count(key, 0, at) != 1:
        raise _UnusualError
    (column,) = batch.columns
    places = _places(raw, at)
    fixed = np.frombuffer(raw, dtype=np.uint8)
    is_fixed = np.full(len(raw), 0xFF, dtype=np.uint8)
    key_place = Varying(key_at, key_at + len(key))
    serial_length = len(batch.serial)
    serial_at = key_at + len("sensor.")
    varying = [Varying(serial_at, serial_at + serial_length), *places.varints]
    varying += [each for each in (places.serial, places.value) if each is not None]
    for each in varying:
        is_fixed[each.start : each.end] = 0
    shape = Shape(key_place, column.name, column.unit, column.quality, fixed, is_fixed, places)
    # It must say of the message that it comes from what the ordinary way says.
    block = fixed.reshape(1, -1)
    times, values, is_good = shape.read(block, np.array([batch.received_at_us]))
    is_right = times[0] == column.observed_at_us[0] and values[0] == column.numbers[0]
    return shape if shape.match(block)[0] and is_good[0] and is_right else None


def _data_heads(length: int) -> tuple[bytes, ...]:
    """Spell what may stand before a body: the head of a data section, long or short."""
    long = b"\x00\x53\x75\xb0" + length.to_bytes(4)
    return (long, b"\x00\x53\x75\xa0" + bytes([length])) if length <= _SHORT_MAX else (long,)


def _places(raw: bytes, at: int) -> _Places:
    places = _Places()
    for number, start, end in _walk(raw, at, len(raw), _BATCH_WIRES):
        place = Varying(start, end)
        if number == _BATCH["serial"]:
            places.serial = place
        elif number in {_BATCH["boot_id"], _BATCH["sent_after_us"]}:
            places.varints.append(place)
        elif number == _BATCH["sequence"]:
            places.sequence = _number(place)
            places.varints.append(place)
        elif number == _BATCH["time_columns"]:
            places.start = _number(_only(raw, place, {_TIMES["start_us"]: _WIRE_VARINT}))
            places.varints.append(places.start)
        elif number == _BATCH["fields"]:
            _find_value(raw, place, places)
    if places.start is None or places.value is None:
        raise _UnusualError
    return places


def _find_value(raw: bytes, place: Varying, places: _Places) -> None:
    for number, start, end in _walk(raw, place.start, place.end, _FIELD_WIRES):
        column = Varying(start, end)
        if number in {_FIELD["name"], _FIELD["unit"], _FIELD["quality"]}:
            continue
        if places.value is not None:
            raise _UnusualError
        if number == _FIELD["doubles"]:
            places.value, places.decode = _sized(raw, column, 8), _doubles
        elif number == _FIELD["floats"]:
            places.value, places.decode = _sized(raw, column, 4), _floats
        elif number == _FIELD["integers"]:
            places.value, places.decode = _packed(raw, _only(raw, column, _VALUES)), _integers
            places.varints.append(places.value)
        else:
            _find_decimal(raw, column, places)


def _find_decimal(raw: bytes, place: Varying, places: _Places) -> None:
    exponent = 0
    for number, start, end in _walk(raw, place.start, place.end, _DECIMAL_WIRES):
        if number == _DECIMAL["steps"]:
            places.value = _packed(raw, Varying(start, end))
        else:
            exponent = int(_signed(_row(raw, start, end))[0])
    if places.value is None or abs(exponent) > DECIMAL_EXPONENT_MAX:
        raise _UnusualError
    places.varints.append(places.value)
    places.decode = _decimals(exponent)


def _walk(
    raw: bytes, start: int, end: int, wires: Mapping[int, int]
) -> Iterator[tuple[int, int, int]]:
    """Give (field number, start, end) of the values of a protobuf message.

    Raises:
        _UnusualError: a field that `wires` does not have, in another form, empty or twice.
    """
    seen: set[int] = set()
    while start < end:
        number, wire = raw[start] >> 3, raw[start] & 7
        if number in seen or wires.get(number) != wire:
            raise _UnusualError
        seen.add(number)
        start += 1
        value_end = _varint_end(raw, start, end)
        if wire == _WIRE_BYTES:
            length = int(_unsigned(_row(raw, start, value_end))[0])
            start, value_end = value_end, value_end + length
        if not start < value_end <= end:
            raise _UnusualError
        yield number, start, value_end
        start = value_end


def _varint_end(raw: bytes, start: int, end: int) -> int:
    at = start
    while at < end and raw[at] >= _MORE:
        at += 1
    if at == end:
        raise _UnusualError
    return at + 1


def _only(raw: bytes, place: Varying, wires: Mapping[int, int]) -> Varying:
    """Give the place of the one field that a message has."""
    ((_, start, end),) = _walk(raw, place.start, place.end, wires)
    return Varying(start, end)


def _sized(raw: bytes, column: Varying, length: int) -> Varying:
    """Give the place of the one value of a column, which has so many bytes."""
    place = _only(raw, column, _VALUES)
    if place.end - place.start != length:
        raise _UnusualError
    return place


def _packed(raw: bytes, place: Varying) -> Varying:
    """Let a place pass that has one varint."""
    if _varint_end(raw, place.start, place.end) != place.end:
        raise _UnusualError
    return _number(place)


def _number(place: Varying) -> Varying:
    if place.end - place.start > _VARINT_BYTES_MAX:
        raise _UnusualError
    return place


def _row(raw: bytes, start: int, end: int) -> Bytes:
    if end - start > _VARINT_BYTES_MAX:
        raise _UnusualError
    return np.frombuffer(raw, dtype=np.uint8, count=end - start, offset=start).reshape(1, -1)


_WEIGHTS = np.array([1 << (7 * digit) for digit in range(_VARINT_BYTES_MAX)], dtype=np.int64)


def _unsigned(digits: Bytes) -> NDArray[np.int64]:
    """Read varints: 7 bits in each byte, the lowest first."""
    numbers: NDArray[np.int64] = (digits & 0x7F).astype(np.int64) @ _WEIGHTS[: digits.shape[1]]
    return numbers


def _signed(digits: Bytes) -> NDArray[np.int64]:
    """Read zigzag varints: the lowest bit is the sign."""
    numbers = _unsigned(digits)
    return (numbers >> 1) ^ -(numbers & 1)


def _floats(block: Bytes) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # a signalling NaN is as bad as any other
        return np.ascontiguousarray(block).view("<f4")[:, 0].astype(np.float64)


def _doubles(block: Bytes) -> NDArray[np.float64]:
    return np.ascontiguousarray(block).view("<f8")[:, 0].astype(np.float64)


def _integers(block: Bytes) -> NDArray[np.float64]:
    numbers = _signed(block)
    # Not finite, so that it is no good.
    return np.where(np.abs(numbers) <= INTEGER_MAGNITUDE_MAX, numbers.astype(np.float64), np.nan)


def _decimals(exponent: int) -> Callable[[Bytes], NDArray[np.float64]]:
    power = 10.0 ** abs(exponent)

    def decode(block: Bytes) -> NDArray[np.float64]:
        numbers = _integers(block)
        return numbers / power if exponent < 0 else numbers * power

    return decode
