"""Every way in which what a device runs can compare with what is wanted."""

import pytest

from weir.model.configuration import ReportedConfiguration
from weir.model.configuration_sync import SyncState, Wanted, is_to_be_sent, sync_state

IN_SYNC, PENDING, REJECTED, UNKNOWN = SyncState
NOTHING = Wanted()
THIRD = Wanted(3, "sha256:three")


def runs(version: int, hash_: str = "", rejected: int = 0) -> ReportedConfiguration:
    return ReportedConfiguration(version, hash_, None, rejected, "no" if rejected else "")


@pytest.mark.parametrize(
    ("wanted", "reported", "state", "sent"),
    [
        (NOTHING, None, UNKNOWN, False),
        (NOTHING, runs(0, "sha256:own"), UNKNOWN, False),
        # It has never said what it runs: it may not know that it is asked.
        (THIRD, None, UNKNOWN, True),
        (THIRD, runs(3, "sha256:three"), IN_SYNC, False),
        # It cannot compute hashes.
        (THIRD, runs(3), IN_SYNC, False),
        # The same document, by whatever number.
        (THIRD, runs(0, "sha256:three"), IN_SYNC, False),
        (THIRD, runs(2, "sha256:three"), IN_SYNC, False),
        (THIRD, runs(2, "sha256:two"), PENDING, True),
        (THIRD, runs(0), PENDING, True),
        (THIRD, runs(0, "sha256:own"), PENDING, True),
        # It says our number and runs something else.
        (THIRD, runs(3, "sha256:other"), PENDING, True),
        (THIRD, runs(2, "sha256:two", rejected=3), REJECTED, False),
        # It refused an older one: this one it has not seen.
        (THIRD, runs(1, "sha256:one", rejected=2), PENDING, True),
        # Ahead of us, after a backup was restored: our number would be passed over.
        (THIRD, runs(7, "sha256:seven"), UNKNOWN, False),
        # Edited at the device: an operator decides.
        (Wanted(3, "sha256:three", edited_over=3), runs(0, "sha256:own"), PENDING, False),
        (Wanted(3, "sha256:three", edited_over=2), runs(0, "sha256:own"), PENDING, True),
    ],
)
def test_states(
    wanted: Wanted, reported: ReportedConfiguration | None, state: SyncState, sent: bool
) -> None:
    assert (state, sent) == (sync_state(wanted, reported), is_to_be_sent(wanted, reported))
