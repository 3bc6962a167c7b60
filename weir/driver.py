"""The contract of a driver: what a kind of device measures, and how one poll of it goes.

A driver is one file in `producers/drivers/` with one subclass of `Driver` whose `name` is the
file's. Everything around it (schedule, batches, sequence numbers, publishing, retry, checking of
parameters, answering a command once) belongs to whoever polls. Third-party drivers are found
through the entry point group `weir.producers.drivers`.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from weir.codec.encode import FieldReadings
from weir.errors import CommandRefusedError
from weir.model.announcement import FieldDescription
from weir.model.capabilities import CommandDescription
from weir.model.device_event import DeviceEvent
from weir.model.device_log import LogEntry
from weir.model.location import Location


class DriverConfiguration(BaseModel):
    """What a driver can be told; unknown keys are mistakes."""

    # Built when the first one is made: a small device imports more than it uses.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Configuration_co = TypeVar("Configuration_co", bound=DriverConfiguration, covariant=True)


@dataclass(frozen=True, slots=True)
class Poll:
    """What is asked for: readings from `start_us` to before `end_us`, the present.

    Microseconds since 1970-01-01 UTC. A poll starts where the one before has ended. What is read
    off a device now, instead of being computed or buffered, has the time `end_us`.
    """

    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll gave; anything may be empty. Times are the device's where it has a clock."""

    readings: Sequence[FieldReadings] = ()
    events: Sequence[DeviceEvent] = ()
    locations: Sequence[Location] = ()
    logs: Sequence[LogEntry] = ()


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

    @property
    def writable(self) -> tuple[str, ...]:
        """Name the fields that the command `set` can write; each needs `act` to know it."""
        return ()

    @property
    def commands(self) -> tuple[CommandDescription, ...]:
        """Describe what `act` carries out; may change with the configuration."""
        return ()

    @abstractmethod
    async def read(self, poll: Poll) -> Polled:
        """Take the readings of one poll: any of `fields`, none twice, times in order.

        Raises:
            DecodeError: the device answered something else; the message says what, in bytes.
            DeviceUnavailableError: the device does not answer; the next poll may do.
        """

    async def act(self, command: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Carry out one of `commands` and give its result; never called beside a `read`.

        `parameters` fit the declared schema. Whoever calls it sees to it that a command that
        arrives twice is carried out once.

        Raises:
            CommandRefusedError: the device cannot, or must not; the message is the answer.
            DeviceUnavailableError: the device does not answer.
        """
        del parameters
        raise CommandRefusedError(f"{self.name} knows no command {command!r}")

    async def close(self) -> None:
        """Give back what it holds, such as a connection; called once, after its last `read`."""
        return
