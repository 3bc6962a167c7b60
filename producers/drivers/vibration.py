"""A simulated vibration sensor: sines with noise, uniformly sampled, and its temperature.

It behaves as a device does: it writes a log when it starts, sleeps when told to, and changes its
sample rate. Units are UCUM's (The Unified Code for Units of Measure, version 2.1): `m/s2`, `Cel`.
"""

import math
import random
from array import array
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from producers.drivers._parameters import parse
from producers.drivers._tones import SampledTones, Tone
from weir.codec.encode import FieldReadings
from weir.codec.json_text import compact_json
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.model.announcement import FieldDescription
from weir.model.built_in_commands import Awake, Parameters, Sleep, built_in, describe
from weir.model.capabilities import CommandDescription
from weir.model.device_event import DeviceEvent
from weir.model.device_log import Level, LogEntry

SAMPLE_RATE_HZ_MAX = 25_000
COMPONENT_COUNT_MAX = 64
_SECOND_US = 1_000_000
_HOUR_US = 3_600 * _SECOND_US

#: What such a device writes while it starts: how long before its first poll, and what.
_BOOT_LOG = (
    (2.40, "power on", {"cause": "supply"}),
    (2.15, "bootloader", {"image": "a", "check": "passed"}),
    (1.30, "self test", {"accelerometer": "passed", "temperature": "passed", "flash": "passed"}),
    (0.35, "network", {"link": "up", "address": "by DHCP"}),
)


class Component(BaseModel):
    """One sine of the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amplitude: float = Field(ge=0, le=1_000, description="m/s2")
    frequency_hz: float = Field(
        ge=0, le=SAMPLE_RATE_HZ_MAX / 2, description="to a thousandth of a hertz"
    )
    phase_rad: float = Field(0.0, ge=-math.tau, le=math.tau, description="at 1970-01-01 UTC")


#: A slowly turning machine on a mains of 60 Hz, its gears, and something loose.
_MACHINE = (
    Component(amplitude=1.0, frequency_hz=5),
    Component(amplitude=0.6, frequency_hz=2.5),
    Component(amplitude=0.5, frequency_hz=10),
    Component(amplitude=0.3, frequency_hz=60, phase_rad=0.3),
    Component(amplitude=0.16, frequency_hz=120, phase_rad=0.3),
    Component(amplitude=0.86, frequency_hz=190),
    Component(amplitude=0.36, frequency_hz=550),
)


class VibrationConfiguration(DriverConfiguration):
    """What the simulated machine does, and how the sensor looks at it."""

    sample_rate_hz: float = Field(
        1_000.0, ge=1, le=SAMPLE_RATE_HZ_MAX, description="samples a second, by whole microseconds"
    )
    components: tuple[Component, ...] = Field(
        _MACHINE, max_length=COMPONENT_COUNT_MAX, description="the sines, which are added up"
    )
    noise: float = Field(0.05, ge=0, le=1_000, description="standard deviation, m/s2")
    seed: int | None = Field(
        None, ge=0, lt=2**53, description="of the noise; absent: another one at each start"
    )
    temperature_c: float = Field(40.0, ge=-55, le=125, description="mean temperature of the sensor")
    temperature_interval_s: int = Field(
        10, ge=1, le=86_400, description="seconds between temperatures"
    )


class ChangeSampleFrequency(Parameters):
    """Take another number of samples a second."""

    frequency_hz: float = Field(
        ge=1, le=SAMPLE_RATE_HZ_MAX, description="samples a second, by whole microseconds"
    )


class Vibration(Driver[VibrationConfiguration]):
    """An accelerometer on one axis.

    Samples lie on multiples of the period since 1970, whenever polls begin and end: no sample is
    missing between two polls, and none is in both.
    """

    name = "vibration"
    model = "simulated-vibration-1"
    configuration_class = VibrationConfiguration

    def __init__(self, configuration: VibrationConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        if configuration.seed is not None:
            self._rng = random.Random(configuration.seed)  # noqa: S311 - noise
        self._sample_at(configuration.sample_rate_hz)
        self._has_booted = False
        self._is_asleep = False
        #: When it wakes up by itself; while that is unknown, how long after the next poll's start.
        self._wakes_at_us: int | None = None
        self._sleep_us: int | None = None

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
    def commands(self) -> tuple[CommandDescription, ...]:
        """Sleeping, waking up, and another sample rate."""
        return (
            built_in("sleep"),
            built_in("awake"),
            describe("change_sample_frequency", ChangeSampleFrequency),
        )

    async def read(self, poll: Poll) -> Polled:
        """Compute the samples of a poll; does not wait."""
        logs = () if self._has_booted else _boot_log(poll.start_us)
        self._has_booted = True
        events, awake = self._awake_part(poll)
        readings = []
        samples = _grid(awake, self._period_us)
        if samples:
            readings.append(FieldReadings("acceleration", samples, self._accelerations(samples)))
        slow = _grid(awake, self.configuration.temperature_interval_s * _SECOND_US)
        if slow:
            temperatures = [self._temperature(time_us) for time_us in slow]
            readings.append(FieldReadings("temperature", slow, temperatures))
        return Polled(readings, events, logs=logs)

    async def act(self, command: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Change the state or the rate from the next poll on.

        Raises:
            CommandRefusedError: an unknown command, or parameters that it does not take.
        """
        match command:
            case "sleep":
                duration_s = parse(Sleep, parameters).duration_s
                self._is_asleep, self._wakes_at_us = True, None
                self._sleep_us = None if duration_s is None else round(duration_s * _SECOND_US)
                return {"state": "sleeping"}
            case "awake":
                parse(Awake, parameters)
                self._is_asleep, self._wakes_at_us, self._sleep_us = False, None, None
                return {"state": "awake"}
            case "change_sample_frequency":
                self._sample_at(parse(ChangeSampleFrequency, parameters).frequency_hz)
                return {"frequency_hz": self.sample_rate_hz}
            case _:
                return await super().act(command, parameters)

    def _sample_at(self, rate_hz: float) -> None:
        self._period_us = round(_SECOND_US / rate_hz)
        tones = [
            Tone(component.amplitude, round(component.frequency_hz * 1_000), component.phase_rad)
            for component in self.configuration.components
        ]
        self._tones = SampledTones(tones, self._period_us)

    def _awake_part(self, poll: Poll) -> tuple[tuple[DeviceEvent, ...], Poll]:
        """Give the part of a poll in which it is awake: nothing, or the end, or all of it."""
        if not self._is_asleep:
            return (), poll
        if self._sleep_us is not None:
            self._wakes_at_us, self._sleep_us = poll.start_us + self._sleep_us, None
        if self._wakes_at_us is None or self._wakes_at_us >= poll.end_us:
            return (), Poll(poll.end_us, poll.end_us)
        wakes_at_us = max(self._wakes_at_us, poll.start_us)
        self._is_asleep, self._wakes_at_us = False, None
        event = DeviceEvent(wakes_at_us, "awake", compact_json({"cause": "time is over"}))
        return (event,), Poll(wakes_at_us, poll.end_us)

    def _accelerations(self, samples: range) -> list[float]:
        gauss, noise = self._rng.gauss, self.configuration.noise
        values = self._tones.samples(samples.start, len(samples))
        # Single precision is what such sensors give, and 4 bytes on the wire.
        if noise:
            return list(array("f", [value + gauss(0.0, noise) for value in values]))
        return list(array("f", values))

    def _temperature(self, time_us: int) -> float:
        # Two degrees up and down in an hour, with the resolution of a common sensor.
        turns = time_us % _HOUR_US / _HOUR_US
        swing = 2.0 * math.sin(math.tau * turns) + self._rng.gauss(0.0, 0.02)
        return round(self.configuration.temperature_c + swing, 2)


def _grid(poll: Poll, period_us: int) -> range:
    """Give the multiples of the period within a poll."""
    return range(-(-poll.start_us // period_us) * period_us, poll.end_us, period_us)


def _boot_log(started_us: int) -> tuple[LogEntry, ...]:
    return tuple(
        LogEntry(started_us - round(before_s * _SECOND_US), Level.INFO, message, dict(attributes))
        for before_s, message, attributes in _BOOT_LOG
    )
