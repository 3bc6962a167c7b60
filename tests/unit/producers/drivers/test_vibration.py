"""The simulated vibration sensor: exact where it can be, and seamless between polls."""

import math
import random
import statistics
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from producers.drivers._tones import TABLE_LENGTH_MAX, SampledTones, Tone
from producers.drivers.vibration import Vibration, VibrationConfiguration
from weir.codec.encode import BatchHeader, encode_measurements
from weir.driver import Poll
from weir.errors import CommandRefusedError
from weir.model.device_log import Level
from weir.telemetry.v1.measurement_pb2 import Batch

START_US = 1_795_248_000_000_000
SECOND_US = 1_000_000


def vibration(**configuration: Any) -> Vibration:
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
    components = [{"amplitude": 1, "frequency_hz": 12.345}]
    sensor = vibration(sample_rate_hz=1000, components=components, noise=0)
    seam_us = START_US // 1_000_000_000 * 1_000_000_000
    values = await accelerations(sensor, seam_us - SECOND_US, seam_us + SECOND_US)
    steps = [later - earlier for earlier, later in pairwise(values.values())]
    assert max(map(abs, steps)) <= math.tau * 12.345 / 1000 + 1e-6


async def test_noise_has_the_given_deviation() -> None:
    sensor = vibration(sample_rate_hz=1000, components=[], noise=0.5)
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
    assert 1_000.0 == vibration().sample_rate_hz
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


async def test_without_being_told_otherwise_it_is_the_sum_of_seven_sines() -> None:
    machine = [
        (1, 5, 0),
        (0.6, 2.5, 0),
        (0.5, 10, 0),
        (0.3, 60, 0.3),
        (0.16, 120, 0.3),
        (0.86, 190, 0),
        (0.36, 550, 0),
    ]
    sensor = vibration(sample_rate_hz=25_000, noise=0)
    values = await accelerations(sensor, START_US, START_US + SECOND_US // 2)
    for time_us, value in values.items():
        # Whole periods of all sines have passed since 1970 at the start.
        t = (time_us - START_US) / SECOND_US
        expected = sum(a * math.sin(math.tau * f * t + phase) for a, f, phase in machine)
        assert value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("period_us", [40, 100, 3_003, 17])
@pytest.mark.parametrize("millihertz", [(5_000, 2_500, 550_000), (12_345, 1), ()])
def test_a_table_of_samples_is_what_each_instant_gives(
    period_us: int, millihertz: tuple[int, ...]
) -> None:
    tones = [Tone(1.0 + index, frequency, 0.3) for index, frequency in enumerate(millihertz)]
    sampled = SampledTones(tones, period_us)
    start_us = START_US // period_us * period_us
    expected = [sum(tone.at(start_us + n * period_us) for tone in tones) for n in range(5_000)]
    assert expected == pytest.approx(sampled.samples(start_us, 5_000), abs=1e-9)
    assert len(sampled._table) <= TABLE_LENGTH_MAX


@pytest.mark.parametrize(("millihertz", "is_kept"), [(1_000_000_000 // 65_536, False), (100, True)])
def test_only_a_short_repetition_is_kept(millihertz: int, is_kept: bool) -> None:
    sampled = SampledTones([Tone(1.0, millihertz, 0.0)], 1_000)
    sampled.samples(0, 10)
    assert is_kept == bool(sampled._table)


async def test_the_first_poll_tells_how_it_started() -> None:
    sensor = vibration()
    first = await sensor.read(Poll(START_US, START_US + SECOND_US))
    messages = [entry.message for entry in first.logs]
    assert ["power on", "bootloader", "self test", "network"] == messages
    times = [entry.logged_at_us for entry in first.logs]
    assert sorted(times) == times
    assert times[-1] < START_US
    assert {Level.INFO} == {entry.level for entry in first.logs}
    assert () == (await sensor.read(Poll(START_US + SECOND_US, START_US + 2 * SECOND_US))).logs


async def test_it_measures_nothing_while_asleep() -> None:
    sensor = vibration()
    assert {"state": "sleeping"} == await sensor.act("sleep", {})
    assert {} == await accelerations(sensor, START_US, START_US + SECOND_US)
    assert {} == await accelerations(sensor, START_US + SECOND_US, START_US + 2 * SECOND_US)
    assert {"state": "awake"} == await sensor.act("awake", {})
    assert await accelerations(sensor, START_US + 2 * SECOND_US, START_US + 3 * SECOND_US)


async def test_it_wakes_up_by_itself_when_the_time_is_over() -> None:
    sensor = vibration(sample_rate_hz=10)
    await sensor.act("sleep", {"duration_s": 1.5})
    assert {} == await accelerations(sensor, START_US, START_US + SECOND_US)
    polled = await sensor.read(Poll(START_US + SECOND_US, START_US + 2 * SECOND_US))
    assert START_US + 1_500_000 == polled.readings[0].observed_at_us[0]
    assert [("awake", START_US + 1_500_000)] == [
        (event.type, event.observed_at_us) for event in polled.events
    ]


async def test_a_changed_frequency_is_in_force_at_the_next_poll() -> None:
    sensor = vibration(sample_rate_hz=10)
    result = await sensor.act("change_sample_frequency", {"frequency_hz": 3_000})
    assert {"frequency_hz": 1_000_000 / 333} == result
    assert 1_000_000 / 333 == sensor.sample_rate_hz
    values = await accelerations(sensor, START_US, START_US + SECOND_US)
    assert 3_003 == len(values)


@pytest.mark.parametrize(
    ("command", "parameters", "said"),
    [
        ("change_sample_frequency", {"frequency_hz": 25_001}, "frequency_hz: .* 25000"),
        ("sleep", {"duration_s": -1}, "duration_s"),
        ("awake", {"now": True}, "now"),
        ("explode", {}, "knows no command"),
    ],
)
async def test_what_it_cannot_do_is_refused_with_the_reason(
    command: str, parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandRefusedError, match=said):
        await vibration().act(command, parameters)


async def test_a_seed_repeats_the_noise_whatever_the_generator() -> None:
    configuration = VibrationConfiguration(seed=3)
    one = Vibration(configuration, random.Random(1))
    other = Vibration(configuration, random.Random(2))
    end_us = START_US + SECOND_US
    assert await accelerations(one, START_US, end_us) == await accelerations(
        other, START_US, end_us
    )
