"""The simulated vibration sensor: exact where it can be, and seamless between polls."""

import math
import random
import statistics
from itertools import pairwise

import pytest
from pydantic import ValidationError

from producers.drivers.vibration import Vibration, VibrationConfiguration
from weir.codec.encode import BatchHeader, encode_measurements
from weir.driver import Poll
from weir.telemetry.v1.measurement_pb2 import Batch

START_US = 1_795_248_000_000_000
SECOND_US = 1_000_000


def vibration(**configuration: float) -> Vibration:
    return Vibration(VibrationConfiguration.model_validate(configuration), random.Random(7))


async def accelerations(sensor: Vibration, start_us: int, end_us: int) -> dict[int, float]:
    for readings in (await sensor.read(Poll(start_us, end_us))).readings:
        if readings.name == "acceleration":
            return {
                time_us: float(value)
                for time_us, value in zip(readings.observed_at_us, readings.values, strict=True)
            }
    return {}


async def test_polls_join_without_a_gap_or_an_overlap() -> None:
    rng = random.Random(3)
    cuts = sorted(rng.randrange(START_US, START_US + 3 * SECOND_US) for _ in range(20))
    sensor = vibration(sample_rate_hz=333.0, noise=0)
    joined: dict[int, float] = {}
    for start_us, end_us in pairwise(cuts):
        part = await accelerations(sensor, start_us, end_us)
        assert not joined.keys() & part.keys()
        joined |= part
    assert await accelerations(sensor, cuts[0], cuts[-1]) == joined


async def test_the_phase_stays_exact_over_the_seam_of_the_repetition() -> None:
    sensor = vibration(sample_rate_hz=1000, frequency_hz=12.345, noise=0)
    seam_us = START_US // 1_000_000_000 * 1_000_000_000
    values = await accelerations(sensor, seam_us - SECOND_US, seam_us + SECOND_US)
    steps = [later - earlier for earlier, later in pairwise(values.values())]
    assert max(map(abs, steps)) <= math.tau * 12.345 / 1000 + 1e-6


async def test_noise_has_the_given_deviation() -> None:
    sensor = vibration(sample_rate_hz=1000, amplitude=0, noise=0.5)
    values = await accelerations(sensor, START_US, START_US + 10 * SECOND_US)
    assert statistics.stdev(values.values()) == pytest.approx(0.5, rel=0.05)


async def test_a_25_khz_second_is_a_uniform_column_of_floats() -> None:
    sensor = vibration(sample_rate_hz=25_000, temperature_interval_s=86_400)
    polled = await sensor.read(Poll(START_US + 1, START_US + 1 + SECOND_US))
    (readings,) = polled.readings
    batch = Batch.FromString(encode_measurements(BatchHeader(), [readings]))
    assert 25_000 == len(batch.fields[0].floats.values)
    assert (40, 0) == (batch.time_columns[0].period_us, len(batch.time_columns[0].deltas))


async def test_the_rate_is_announced_as_it_is() -> None:
    assert 100.0 == vibration().sample_rate_hz
    assert 1_000_000 / 333 == vibration(sample_rate_hz=3_000).sample_rate_hz


async def test_the_temperature_comes_at_its_own_rate() -> None:
    sensor = vibration(temperature_interval_s=10, temperature_c=50)
    readings = (await sensor.read(Poll(START_US, START_US + 60 * SECOND_US))).readings
    (temperature,) = [item for item in readings if item.name == "temperature"]
    assert [START_US + 10 * SECOND_US * n for n in range(6)] == list(temperature.observed_at_us)
    assert all(45 < float(value) < 55 for value in temperature.values)


async def test_an_empty_poll_has_no_readings() -> None:
    assert [] == (await vibration().read(Poll(START_US + 1, START_US + 2))).readings


@pytest.mark.parametrize("rate_hz", [0, -1, 25_001, math.nan, math.inf])
def test_an_impossible_rate_is_refused(rate_hz: float) -> None:
    with pytest.raises(ValidationError):
        vibration(sample_rate_hz=rate_hz)
