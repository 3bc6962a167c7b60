"""A configuration on its way to a device, and what the device says that it runs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

HASH_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class ConfigurationMessage:
    """A configuration as its device gets it; one that is older than what it runs is passed over."""

    version: int
    hash: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReportedConfiguration:
    """What a device runs, and the last one that it did not take.

    Attributes:
        version: of the configuration that it runs; 0: one that did not come from us.
        hash: of that configuration, see `hash_of`; empty: it runs none.
        document: that configuration, where it was changed at the device; else None.
        rejected_version: the last one that it was sent and did not take; 0: none since `version`.
        error: why it did not take it.
    """

    version: int = 0
    hash: str = ""
    document: Mapping[str, Any] | None = None
    rejected_version: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class StateReport:
    """What a device says about its present state; None: it does not say.

    `is_online` false: the last will, or a farewell. `reported_at`: by the device's clock.
    """

    is_online: bool | None = None
    configuration: ReportedConfiguration | None = None
    boot_id: int = 0
    reported_at: datetime | None = None


def hash_of(document: Mapping[str, Any]) -> str:
    """Give what two documents have in common when they are the same.

    SHA-256 over the document as UTF-8 JSON without spaces and with sorted keys, in hexadecimal.
    Raises `ValueError` for numbers that JSON does not have.
    """
    text = json.dumps(
        document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return HASH_PREFIX + hashlib.sha256(text.encode()).hexdigest()
