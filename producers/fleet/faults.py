"""What goes wrong on purpose: how often, and which message it hits."""

import random
from dataclasses import dataclass, fields
from enum import StrEnum

from weir.errors import ConfigError

_PERCENT = 100.0
#: All faults of messages together; garbage comes beside them.
SHARE_MAX = 0.9
GARBAGE_SHARE_MAX = 0.5


class Fault(StrEnum):
    """What becomes of one message."""

    LATE = "late"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class FaultShares:
    """How many of all messages are hit by each fault, from 0 to 1.

    Attributes:
        late: sent seconds after it was due, with its own time.
        duplicate: sent a second time, byte for byte.
        out_of_order: sent after the next one of its device.
        missing: numbered, and never sent.
        garbage: after it comes something that is no message.
    """

    late: float = 0.0
    duplicate: float = 0.0
    out_of_order: float = 0.0
    missing: float = 0.0
    garbage: float = 0.0

    def draw(self, rng: random.Random) -> Fault | None:
        """Choose what happens to the next message; takes one number of the generator."""
        drawn = rng.random()
        for fault in Fault:
            drawn -= getattr(self, fault.value)
            if drawn < 0:
                return fault
        return None


def parse_faults(text: str) -> FaultShares:
    """Read `late=1%,duplicate=0.005`; an empty text: nothing goes wrong.

    Raises:
        ConfigError: an unknown fault, no share, or more than `SHARE_MAX` together.
    """
    known = [field.name for field in fields(FaultShares)]
    shares: dict[str, float] = {}
    problems = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, share = part.partition("=")
        if name not in known:
            problems.append(f"no fault {name!r}: there are {', '.join(known)}")
        elif name in shares:
            problems.append(f"{name} twice")
        else:
            try:
                shares[name] = _share(share)
            except ValueError:
                problems.append(f"{part}: a share is from 0% to 100%, or from 0 to 1")
    if problems:
        raise ConfigError(*(f"--faults: {problem}" for problem in problems))
    together = sum(share for name, share in shares.items() if name in set(Fault))
    if together > SHARE_MAX:
        raise ConfigError(f"--faults: {together:.0%} of the messages, at most {SHARE_MAX:.0%}")
    if shares.get("garbage", 0.0) > GARBAGE_SHARE_MAX:
        raise ConfigError(f"--faults: garbage after at most {GARBAGE_SHARE_MAX:.0%} of messages")
    return FaultShares(**shares)


def _share(text: str) -> float:
    share = float(text.removesuffix("%")) / (_PERCENT if text.endswith("%") else 1.0)
    if not 0.0 <= share <= 1.0:
        raise ValueError(text)
    return share
