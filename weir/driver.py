"""The contract of a driver: what a kind of device measures, and how one poll of it goes.

A driver is one file in `producers/drivers/` with one subclass of `Driver` whose `name` is the
file's. Everything around it (schedule, batches, sequence numbers, publishing, retry) belongs to
whoever polls. Third-party drivers are found through the entry point group
`weir.producers.drivers`.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from weir.codec.encode import FieldReadings
from weir.model.announcement import FieldDescription


class DriverConfiguration(BaseModel):
    """What a driver can be told; unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Configuration_co = TypeVar("Configuration_co", bound=DriverConfiguration, covariant=True)


@dataclass(frozen=True, slots=True)
class Poll:
    """What is asked for: readings from `start_us` to before `end_us`, the present.

    Microseconds since 1970-01-01 UTC. A poll starts where the one before has ended.
    """

    start_us: int
    end_us: int


class Driver(ABC, Generic[Configuration_co]):
    """Reads one device. Time and randomness are parameters, so that a test can repeat a poll.

    Attributes:
        configuration: as checked by `configuration_class`.
    """

    #: File name and name in configuration files, the same.
    name: ClassVar[str]
    #: What the device announces as its model.
    model: ClassVar[str]
    configuration_class: ClassVar[type[DriverConfiguration]]

    def __init__(self, configuration: Configuration_co, rng: random.Random) -> None:
        self.configuration = configuration
        self._rng = rng

    @property
    @abstractmethod
    def fields(self) -> tuple[FieldDescription, ...]:
        """What the device measures, in the order in which it is announced."""

    @property
    def sample_rate_hz(self) -> float:
        """The rate of uniformly sampled fields; 0: there are none."""
        return 0.0

    @abstractmethod
    async def read(self, poll: Poll) -> Sequence[FieldReadings]:
        """Take the readings of one poll: any of `fields`, none twice, times in order.

        Raises:
            DecodeError: the device answered something else.
            TransientError: the device does not answer; the next poll may do.
        """
