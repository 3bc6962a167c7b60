"""What the checks of a machine look at."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine on which somebody asks, and what the gateway has told.

    `folder`: that of `iotctl up`, which may not be there. `gateway_url`, `gateway_version` and
    `gateway_time`: None where no gateway was asked; `now`: when it had answered.
    """

    folder: Path
    now: datetime
    gateway_url: str | None = None
    gateway_version: str | None = None
    gateway_time: datetime | None = None
