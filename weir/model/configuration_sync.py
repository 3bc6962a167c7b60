"""Whether a device runs what it is to run. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from weir.model.configuration import ReportedConfiguration


class SyncState(StrEnum):
    """How what a device runs compares with what it is to run.

    `pending`: it does not run it (yet). `rejected`: it has refused it. `unknown`: nothing is wanted
    of it, it has never said what it runs, or it runs a version that we do not know.
    """

    IN_SYNC = "in_sync"
    PENDING = "pending"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a device is to run; `version` 0: nothing is wanted.

    `edited_over`: the version that was wanted when somebody edited the device; 0: nobody did.
    """

    version: int = 0
    hash: str = ""
    edited_over: int = 0


def sync_state(wanted: Wanted, reported: ReportedConfiguration | None) -> SyncState:
    """Compare; `reported` None: the device has never said what it runs."""
    if wanted.version == 0 or reported is None:
        return SyncState.UNKNOWN
    # A device that cannot compute hashes may leave them out, and then its version must do.
    has_same_version = reported.version == wanted.version and not reported.hash
    if reported.hash == wanted.hash or has_same_version:
        return SyncState.IN_SYNC
    if reported.rejected_version == wanted.version:
        return SyncState.REJECTED
    return SyncState.UNKNOWN if reported.version > wanted.version else SyncState.PENDING


def is_to_be_sent(wanted: Wanted, reported: ReportedConfiguration | None) -> bool:
    """Tell whether a device should get what is wanted when there is an occasion.

    Not what it has refused, and not over what somebody has edited at the device: an operator adopts
    that or overwrites it.
    """
    if wanted.version == 0 or wanted.version <= wanted.edited_over:
        return False
    return reported is None or sync_state(wanted, reported) is SyncState.PENDING
