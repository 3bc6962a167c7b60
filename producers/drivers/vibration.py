"""A simulated vibration sensor: a sine with noise, uniformly sampled, and its temperature.

Units are UCUM's (The Unified Code for Units of Measure, version 2.1): `m/s2`, `Cel`.
"""

import math
import struct

from pydantic import Field

from weir.codec.encode import FieldReadings
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.model.announcement import FieldDescription

SAMPLE_RATE_HZ_MAX = 25_000
_SECOND_US = 1_000_000
#: Frequencies are whole thousandths of a hertz, so every signal repeats itself after this time.
#: Integers keep the phase exact; doubles do not over the microseconds since 1970.
_REPEAT_US = 1_000 * _SECOND_US


class VibrationConfiguration(DriverConfiguration):
    """What the simulated machine does, and how the sensor looks at it."""

    sample_rate_hz: float = Field(
        100.0, ge=1, le=SAMPLE_RATE_HZ_MAX, description="samples a second, by whole microseconds"
    )
    amplitude: float = Field(1.0, ge=0, le=1_000, description="of the sine, m/s2")
    frequency_hz: float = Field(
        5.0, ge=0, le=SAMPLE_RATE_HZ_MAX / 2, description="of the sine, to a thousandth"
    )
    phase_rad: float = Field(0.0, ge=-math.tau, le=math.tau, description="of the sine at 1970")
    noise: float = Field(0.05, ge=0, le=1_000, description="standard deviation, m/s2")
    temperature_c: float = Field(40.0, ge=-55, le=125, description="mean temperature of the sensor")
    temperature_interval_s: int = Field(
        10, ge=1, le=86_400, description="seconds between temperatures"
    )


class Vibration(Driver[VibrationConfiguration]):
    """An accelerometer on one axis.

    Samples lie on multiples of the period since 1970, whenever polls begin and end: no sample is
    missing between two polls, and none is in both.
    """

    name = "vibration"
    model = "simulated-vibration-1"
    configuration_class = VibrationConfiguration

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """The acceleration and, now and then, the temperature."""
        return (
            FieldDescription("acceleration", "m/s2", "Acceleration along the axis of the sensor"),
            FieldDescription("temperature", "Cel", "Temperature of the sensor"),
        )

    @property
    def sample_rate_hz(self) -> float:
        """The rate of the samples, after rounding of their period."""
        return _SECOND_US / self._period_us

    @property
    def _period_us(self) -> int:
        return round(_SECOND_US / self.configuration.sample_rate_hz)

    async def read(self, poll: Poll) -> Polled:
        """Compute the samples of a poll; does not wait."""
        readings = []
        samples = _grid(poll, self._period_us)
        if samples:
            accelerations = _as_single([self._acceleration(time_us) for time_us in samples])
            readings.append(FieldReadings("acceleration", samples, accelerations))
        slow = _grid(poll, self.configuration.temperature_interval_s * _SECOND_US)
        if slow:
            temperatures = [self._temperature(time_us) for time_us in slow]
            readings.append(FieldReadings("temperature", slow, temperatures))
        return Polled(readings)

    def _acceleration(self, time_us: int) -> float:
        configuration = self.configuration
        # Microseconds times thousandths of a hertz: a turn has `_REPEAT_US` of them as well.
        frequency_millihertz = round(configuration.frequency_hz * 1_000)
        turns = time_us * frequency_millihertz % _REPEAT_US / _REPEAT_US
        sine = math.sin(math.tau * turns + configuration.phase_rad)
        noise = self._rng.gauss(0.0, configuration.noise)
        return configuration.amplitude * sine + noise

    def _temperature(self, time_us: int) -> float:
        # Two degrees up and down in an hour, with the resolution of a common sensor.
        turns = time_us % (3_600 * _SECOND_US) / (3_600 * _SECOND_US)
        swing = 2.0 * math.sin(math.tau * turns) + self._rng.gauss(0.0, 0.02)
        return round(self.configuration.temperature_c + swing, 2)


def _grid(poll: Poll, period_us: int) -> range:
    """Give the multiples of the period within a poll."""
    return range(-(-poll.start_us // period_us) * period_us, poll.end_us, period_us)


def _as_single(values: list[float]) -> list[float]:
    """Round to single precision, which is what such sensors give and 4 bytes on the wire."""
    layout = f"<{len(values)}f"
    return list(struct.unpack(layout, struct.pack(layout, *values)))
