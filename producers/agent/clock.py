"""The agent's clock: one timebase for all devices, corrected while they measure."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import structlog

from producers.agent.instants import (
    ClockChange,
    Instants,
    Timebase,
    begin,
    boot_id,
    look,
    seconds,
)
from producers.agent.mending import move
from producers.agent.spool import Spool
from producers.agent.spool_file import SpoolFile
from weir.errors import SpoolFullError

log = structlog.get_logger()

#: Key of the spool's note on the clock.
_NOTE = "clock"
#: Messages that are moved in one transaction.
_PAGE = 200


class AgentClock:
    """Tells instants; `open_clock` makes one.

    Attributes:
        base: how instants are made at present.
    """

    def __init__(self, instants: Instants, base: Timebase, spool: Spool, boot: str) -> None:
        self.base = base
        self._instants = instants
        self._spool = spool
        self._boot = boot
        self._moves: dict[int, int] = {}

    def now_us(self) -> int:
        """Give the present instant, which only `look` can move back."""
        return self.base.at(self._instants.steady_us())

    async def look(self) -> ClockChange | None:
        """Compare with the computer's clock, move what was measured by a wrong one, and tell."""
        before = self.base
        self.base, change = look(self._instants, before)
        if change is not None and before.epoch:
            self._moves[before.epoch] = change.by_us
        # Also what was read by the old time and is put into the spool only now.
        moves = self._moves
        if moves:
            while await self._spool.do(lambda file: _mend(file, moves)):
                pass
        if change is None:
            return None
        log.warning("clock_change_found", by_s=seconds(change.by_us), was_known=change.was_known)
        await self.put_down()
        return change

    async def put_down(self) -> None:
        """Note in the spool how far time has come, for the next start."""
        note = _make_note(self._boot, self.base, self.now_us())
        await self._spool.do(lambda file: file.put_note(_NOTE, note))


async def open_clock(
    instants: Instants, spool: Spool, boot: str | None = None
) -> tuple[AgentClock, tuple[int, int] | None]:
    """Make a clock for this start, and settle what an earlier one has left with wrong times.

    What was measured since this boot of the computer is moved exactly, once the time is known. Of
    an earlier boot nobody knows how long it was off: its messages keep their times, which are too
    early, and their bounds are given, to be told.
    """
    boot = boot_id() if boot is None else boot
    before = await spool.do(lambda file: file.note(_NOTE)) or {}
    is_same_boot = bool(boot) and before.get("boot") == boot
    last_epoch = int(before.get("epoch", 0))
    base = begin(instants, int(before.get("last_us", 0)), last_epoch + 1)
    guessed: tuple[int, int] | None = None
    if last_epoch and is_same_boot and not before["is_known"]:
        if base.is_known:
            shift_us = base.offset_us - int(before["offset_us"])
            moves = {last_epoch: shift_us}
            while await spool.do(lambda file: _mend(file, moves)):
                pass
        else:
            base = replace(base, offset_us=int(before["offset_us"]), epoch=last_epoch)
    else:
        guessed = await spool.do(_release)
    clock = AgentClock(instants, base, spool, boot)
    # A disk that is full now need not be so when there is something to mend.
    with suppress(SpoolFullError):
        await clock.put_down()
    return clock, guessed


def _make_note(boot: str, base: Timebase, now_us: int) -> dict[str, object]:
    return {
        "boot": boot,
        "epoch": base.epoch,
        "is_known": base.is_known,
        "offset_us": base.offset_us,
        "last_us": now_us,
    }


def _mend(file: SpoolFile, by_us: Mapping[int, int]) -> int:
    """Move a page of messages; gives how many."""
    page = file.of_epochs(_PAGE)
    for id_, message in page:
        file.replace(id_, move(message, by_us.get(message.epoch, 0)))
    return len(page)


def _release(file: SpoolFile) -> tuple[int, int] | None:
    """Let messages go whose times stay wrong; gives their bounds."""
    first_us: list[int] = []
    last_us: list[int] = []
    while page := file.of_epochs(_PAGE):
        for id_, message in page:
            file.replace(id_, move(message, 0))
            if message.first_us:
                first_us.append(message.first_us)
                last_us.append(message.last_us)
    return (min(first_us), max(last_us)) if first_us else None
