"""Generate test signals: sines, squares, triangles, random walks, and values that can be set."""

import random
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from producers.drivers._mapping import FieldName
from producers.drivers._parameters import parse
from producers.drivers._waves import SECOND_US, AnyWave, Constant, RandomWalk, Sine
from weir.codec.encode import FieldReadings
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import CommandRefusedError
from weir.model.announcement import FieldDescription
from weir.model.built_in_commands import SetField, built_in
from weir.model.capabilities import CommandDescription

SIGNAL_COUNT_MAX = 64
SAMPLE_RATE_HZ_MAX = 10_000


class SignalConfiguration(DriverConfiguration):
    """Which signals there are, and how often they are looked at."""

    sample_rate_hz: float = Field(
        1.0, ge=0.001, le=SAMPLE_RATE_HZ_MAX, description="readings a second of each signal"
    )
    signals: dict[FieldName, AnyWave] = Field(
        {"signal": Sine(waveform="sine")},
        min_length=1,
        max_length=SIGNAL_COUNT_MAX,
        description="by names of fields",
    )


class Signal(Driver[SignalConfiguration]):
    """A generator with several outputs, read at multiples of its period since 1970."""

    name = "signal"
    model = "signal-generator-1"
    configuration_class = SignalConfiguration

    def __init__(self, configuration: SignalConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        self._period_us = round(SECOND_US / configuration.sample_rate_hz)
        #: Of the signals that depend on what was before.
        self._values: dict[str, float] = {}
        for name, wave in configuration.signals.items():
            if isinstance(wave, RandomWalk):
                self._values[name] = wave.start
            elif isinstance(wave, Constant):
                self._values[name] = wave.value

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """The configured signals."""
        return tuple(
            FieldDescription(name, wave.unit, wave.description or f"Signal, {wave.waveform}")
            for name, wave in self.configuration.signals.items()
        )

    @property
    def sample_rate_hz(self) -> float:
        """The rate of the readings, after rounding of their period."""
        return SECOND_US / self._period_us

    @property
    def writable(self) -> tuple[str, ...]:
        """The constants."""
        signals = self.configuration.signals.items()
        return tuple(name for name, wave in signals if isinstance(wave, Constant))

    @property
    def commands(self) -> tuple[CommandDescription, ...]:
        """`set`, where there is a constant."""
        return (built_in("set"),) if self.writable else ()

    async def read(self, poll: Poll) -> Polled:
        """Compute the readings of a poll; does not wait."""
        first_us = -(-poll.start_us // self._period_us) * self._period_us
        times = range(first_us, poll.end_us, self._period_us)
        if not times:
            return Polled()
        return Polled(
            [
                FieldReadings(name, times, [self._next(name, wave, at_us) for at_us in times])
                for name, wave in self.configuration.signals.items()
            ]
        )

    async def act(self, command: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Set a constant, from the next poll on.

        Raises:
            CommandRefusedError: no such constant, or a value that it does not take.
        """
        if command != "set" or not self.writable:
            return await super().act(command, parameters)
        wanted = parse(SetField, parameters)
        wave = self.configuration.signals.get(wanted.field)
        if not isinstance(wave, Constant):
            raise CommandRefusedError(f"{wanted.field!r} cannot be set")
        if isinstance(wanted.value, bool | str):
            raise CommandRefusedError(f"{wanted.field} is a number, not {wanted.value!r}")
        if not wave.low <= wanted.value <= wave.high:
            raise CommandRefusedError(
                f"{wanted.field}: {wanted.value:g} is not within {wave.low:g} and {wave.high:g}"
            )
        self._values[wanted.field] = float(wanted.value)
        return {"field": wanted.field, "value": self._values[wanted.field]}

    def _next(self, name: str, wave: AnyWave, at_us: int) -> float:
        match wave:
            case Constant():
                value = self._values[name]
            case RandomWalk():
                value = self._values[name]
                self._values[name] = wave.after(value, self._rng)
            case _:
                value = wave.at(at_us)
        return value + self._rng.gauss(0.0, wave.noise) if wave.noise else value
