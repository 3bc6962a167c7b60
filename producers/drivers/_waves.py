"""Shapes of test signals over time: sine, square, triangle, a constant, a random walk."""

import math
import random
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from weir.model.limits import DESCRIPTION_LENGTH_MAX, UNIT_LENGTH_MAX

VALUE_MAX = 1e9
PERIOD_S_MAX = 366 * 86_400.0
SECOND_US = 1_000_000


class Wave(BaseModel):
    """What every signal has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = Field("", max_length=UNIT_LENGTH_MAX, description="UCUM, such as Cel or m/s2")
    description: str = Field("", max_length=DESCRIPTION_LENGTH_MAX, description="for people")
    noise: float = Field(0.0, ge=0, le=VALUE_MAX, description="standard deviation, added")


class _Periodic(Wave):
    amplitude: float = Field(1.0, ge=0, le=VALUE_MAX, description="from the middle to the top")
    offset: float = Field(0.0, ge=-VALUE_MAX, le=VALUE_MAX, description="the middle")
    period_s: float = Field(
        60.0, ge=0.001, le=PERIOD_S_MAX, description="seconds, to a microsecond"
    )
    phase: float = Field(0.0, ge=0, lt=1, description="how far into its period it is at 1970")

    def turn(self, time_us: int) -> float:
        """Tell how far into its period it is: from 0 to below 1, exact over decades."""
        period_us = round(self.period_s * SECOND_US)
        return (time_us % period_us / period_us + self.phase) % 1.0


class Sine(_Periodic):
    """A sine, which starts in the middle and rises."""

    waveform: Literal["sine"] = Field(description="sine")

    def at(self, time_us: int) -> float:
        """Give the value at an instant, without noise."""
        return self.offset + self.amplitude * math.sin(math.tau * self.turn(time_us))


class Square(_Periodic):
    """High, then low."""

    waveform: Literal["square"] = Field(description="square")
    high_share: float = Field(0.5, gt=0, lt=1, description="how much of the period it is high")

    def at(self, time_us: int) -> float:
        """Give the value at an instant, without noise."""
        is_high = self.turn(time_us) < self.high_share
        return self.offset + (self.amplitude if is_high else -self.amplitude)


class Triangle(_Periodic):
    """Straight up, then straight down; it starts at the bottom."""

    waveform: Literal["triangle"] = Field(description="triangle")

    def at(self, time_us: int) -> float:
        """Give the value at an instant, without noise."""
        return self.offset + self.amplitude * (1.0 - 4.0 * abs(self.turn(time_us) - 0.5))


class RandomWalk(Wave):
    """Small random steps between two limits, at which it turns back."""

    waveform: Literal["random_walk"] = Field(description="random_walk")
    start: float = Field(0.0, ge=-VALUE_MAX, le=VALUE_MAX, description="the first value")
    step: float = Field(0.1, ge=0, le=VALUE_MAX, description="standard deviation of a step")
    low: float = Field(-1.0, ge=-VALUE_MAX, le=VALUE_MAX, description="never below this")
    high: float = Field(1.0, ge=-VALUE_MAX, le=VALUE_MAX, description="never above this")

    @model_validator(mode="after")
    def _limits(self) -> "RandomWalk":
        if not self.low <= self.start <= self.high or self.low == self.high:
            raise ValueError("low, start and high must be in this order, and low below high")
        return self

    def after(self, value: float, rng: random.Random) -> float:
        """Take one step; what would leave the limits is mirrored at them."""
        span = self.high - self.low
        away = (value + rng.gauss(0.0, self.step) - self.low) % (2.0 * span)
        return self.low + (away if away <= span else 2.0 * span - away)


class Constant(Wave):
    """A value that stays, until the command `set` writes another one."""

    waveform: Literal["constant"] = Field(description="constant")
    value: float = Field(0.0, ge=-VALUE_MAX, le=VALUE_MAX, description="at the start")
    low: float = Field(-VALUE_MAX, ge=-VALUE_MAX, le=VALUE_MAX, description="least to be set")
    high: float = Field(VALUE_MAX, ge=-VALUE_MAX, le=VALUE_MAX, description="most to be set")


AnyWave: TypeAlias = Annotated[
    Sine | Square | Triangle | RandomWalk | Constant, Field(discriminator="waveform")
]
