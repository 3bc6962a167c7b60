"""Messages that no consumer can accept, each with bytes that occur nowhere else."""

import random
from collections.abc import Callable

from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.telemetry.v1.measurement_pb2 import Batch

#: Before 2000: a device without a clock.
_IMPLAUSIBLE_US = 0


def make(rng: random.Random, token: str, now_us: int) -> bytes:
    """Make one of the kinds; `token` makes it unique and shows in a dump."""
    return rng.choice(_KINDS)(token, now_us)


def _garbage(token: str, _: int) -> bytes:
    return b"\xff\xff" + token.encode()


def _other_device(token: str, now_us: int) -> bytes:
    return _batch("pressure", [now_us], [1.0], serial=f"not-{token}")


def _bad_name(token: str, now_us: int) -> bytes:
    return _batch(f"a bad name {token}", [now_us], [1.0])


def _without_clock(token: str, _: int) -> bytes:
    return _batch(token, [_IMPLAUSIBLE_US], [1.0])


def _from_the_future(token: str, now_us: int) -> bytes:
    return _batch(token, [now_us + 10 * 86_400_000_000], [1.0])


def _not_a_number(token: str, now_us: int) -> bytes:
    return _batch(token, [now_us], [float("nan")])


def _other_count(token: str, now_us: int) -> bytes:
    batch = Batch.FromString(_batch(token, [now_us, now_us + 10], [1.5, 3.25]))
    batch.time_columns[0].deltas.extend([1, 2, 3])
    return batch.SerializeToString()


def _without_values(token: str, _: int) -> bytes:
    batch = Batch()
    batch.fields.add(name=token)
    return batch.SerializeToString()


def _batch(name: str, times: list[int], values: list[float], serial: str = "") -> bytes:
    return encode_measurements(BatchHeader(serial=serial), [FieldReadings(name, times, values)])


_KINDS: tuple[Callable[[str, int], bytes], ...] = (
    _garbage,
    _other_device,
    _bad_name,
    _without_clock,
    _from_the_future,
    _not_a_number,
    _other_count,
    _without_values,
)
