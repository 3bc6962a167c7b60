"""Decode many stored messages at once, those that look alike; the others are left as they are."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from weir.codec.single_readings import SingleReadings
from weir.codec.single_shape import KIND, Bytes, Shape, learn
from weir.errors import InvalidMessageError
from weir.model.names import split_key

#: A stored message with more bytes is none with a single reading, or a rare one.
STORED_BYTES_MAX = 320
#: From so many that look alike on, columns are faster than messages one by one.
GROUP_COUNT_MIN = 16
#: Shapes kept for one length of messages; beyond it all of that length are forgotten.
SHAPES_OF_A_LENGTH_MAX = 8
#: Senders remembered, about 300 bytes each; beyond it all are forgotten.
SENDERS_MAX = 50_000

#: Calls of `join` after which those that were left out are tried again: half a minute to three.
LEFT_OUT_COUNT = 3_000

#: (serial, routing key).
Sender: TypeAlias = tuple[str, str]

#: Takes routing key and body out of a message as a stream stores it; raises `DecodeError`.
Split = Callable[[bytes], tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class JoinedSingles:
    """What could be decoded together.

    `rows`: which of the messages became the rows of `readings`, ascending; `routing_keys`: theirs.
    """

    readings: SingleReadings
    rows: NDArray[np.int64]
    routing_keys: list[str]


@dataclass(slots=True)
class _Part:
    rows: NDArray[np.int64]
    shape: Shape
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    senders: list[Sender]


class SingleJoiner:
    """Remembers the shapes of messages, and who sends them."""

    def __init__(self) -> None:
        self._shapes: dict[int, list[Shape]] = {}
        self._senders: dict[bytes, Sender | None] = {}
        self._left_out: set[str] = set()
        self._left_out_count = 0

    def leave_out(self, serials: Collection[str]) -> None:
        """Leave the messages of some devices alone for a while: the store refuses them."""
        self._left_out.update(serials)
        self._left_out_count = LEFT_OUT_COUNT
        self._senders.clear()

    def join(
        self, stored: Sequence[bytes], received: NDArray[np.int64], split: Split
    ) -> JoinedSingles | None:
        """Decode the messages that are like many others here; None: there are none.

        `stored`: messages as a stream has them; `received`: the broker's time of each;
        `split`: takes one apart. A message that must not be stored is never among them.
        """
        self._try_again()
        lengths = np.fromiter(map(len, stored), np.int64, len(stored))
        np.minimum(lengths, STORED_BYTES_MAX + 1, out=lengths)
        parts: list[_Part] = []
        for length, count in enumerate(np.bincount(lengths, minlength=1).tolist()):
            if count >= GROUP_COUNT_MIN and 0 < length <= STORED_BYTES_MAX:
                rows = np.flatnonzero(lengths == length)
                parts += self._join_length(stored, rows, received, split)
        return _in_order(parts, received) if parts else None

    def _try_again(self) -> None:
        self._left_out_count -= 1
        if self._left_out and not self._left_out_count:
            self._left_out.clear()
            self._senders.clear()

    def _join_length(
        self,
        stored: Sequence[bytes],
        rows: NDArray[np.int64],
        received: NDArray[np.int64],
        split: Split,
    ) -> list[_Part]:
        length = len(stored[rows[0]])
        alike = stored if len(rows) == len(stored) else [stored[row] for row in rows.tolist()]
        joined = b"".join(alike)
        block = np.frombuffer(joined, dtype=np.uint8).reshape(-1, length)
        shapes = self._shapes.setdefault(length, [])
        parts = []
        for shape in shapes:
            matches = shape.match(block)
            if np.count_nonzero(matches) >= GROUP_COUNT_MIN:
                parts += self._read(shape, block[matches], rows[matches], received)
                block, rows = block[~matches], rows[~matches]
            if len(rows) < GROUP_COUNT_MIN:
                return parts
        # One more is learned each time: if many look like it, the next ones find it.
        learned = _learn(stored[rows[0]], int(received[rows[0]]), split)
        if learned is not None:
            if len(shapes) >= SHAPES_OF_A_LENGTH_MAX:
                shapes.clear()
            shapes.append(learned)
            matches = learned.match(block)
            if np.count_nonzero(matches) >= GROUP_COUNT_MIN:
                parts += self._read(learned, block[matches], rows[matches], received)
        return parts

    def _read(
        self, shape: Shape, block: Bytes, rows: NDArray[np.int64], received: NDArray[np.int64]
    ) -> list[_Part]:
        """Decode matching messages; what must not be stored is left out, and may be all of it."""
        times, values, is_good = shape.read(block, received[rows])
        senders = self._find_senders(shape, block)
        if is_good.all() and None not in senders:
            return [_Part(rows, shape, times, values, cast("list[Sender]", senders))]
        is_good &= np.array([sender is not None for sender in senders])
        good = [s for s, is_fine in zip(senders, is_good.tolist(), strict=True) if is_fine and s]
        if not good:
            return []
        return [_Part(rows[is_good], shape, times[is_good], values[is_good], good)]

    def _find_senders(self, shape: Shape, block: Bytes) -> list[Sender | None]:
        """Give (serial, routing key) of each row; None where it is no device's."""
        width = shape.key.end - shape.key.start
        keys = shape.key.of(block).tobytes()
        known = self._senders
        pieces = [keys[at : at + width] for at in range(0, len(keys), width)]
        try:
            return [known[key] for key in pieces]
        except KeyError:
            if len(known) + len(pieces) > SENDERS_MAX:
                known.clear()
            known |= {key: self._sender(key) for key in set(pieces) - known.keys()}
        return [known[key] for key in pieces]

    def _sender(self, key: bytes) -> Sender | None:
        try:
            routing_key = key.decode()
            serial, kind = split_key(routing_key)
        except (UnicodeDecodeError, InvalidMessageError):
            return None
        # A dot where the shape has the serial makes another kind of it.
        return (serial, routing_key) if kind == KIND and serial not in self._left_out else None


def _learn(raw: bytes, received_at_us: int, split: Split) -> Shape | None:
    try:
        key, body = split(raw)
    except InvalidMessageError:
        return None
    return learn(raw, key, body, received_at_us)


def _in_order(parts: list[_Part], received: NDArray[np.int64]) -> JoinedSingles:
    rows = np.concatenate([part.rows for part in parts])
    series = [(serial, part.shape.name) for part in parts for serial, _ in part.senders]
    keys = [key for part in parts for _, key in part.senders]
    units = [part.shape.unit for part in parts for _ in part.senders]
    counts = [len(part.rows) for part in parts]
    qualities = np.repeat(np.array([p.shape.quality for p in parts], dtype=np.int32), counts)
    times = np.concatenate([part.times for part in parts])
    values = np.concatenate([part.values for part in parts])
    if len(parts) > 1:
        order = np.argsort(rows)
        rows, qualities, times, values = rows[order], qualities[order], times[order], values[order]
        places = order.tolist()
        series, units, keys = ([each[at] for at in places] for each in (series, units, keys))
    readings = SingleReadings(series, units, qualities, received[rows], times, values)
    return JoinedSingles(readings, rows, keys)
