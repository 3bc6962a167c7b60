"""Runs the parts of the system: in order, again when they end, and to a whole end."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from weir.clock import Clock
from weir.embedded.stack import EPMD, POSTGRES, RABBITMQ, Part
from weir.embedded.state import PartStatus
from weir.embedded.supervised_part import SupervisedPart

#: How often parts are looked at.
TICK_S = 0.1
#: How often figures are read and told.
REPORT_INTERVAL_S = 1.0
#: For one stage at the end, before what is left of it is killed. Three stages make less than 10 s.
STOP_GRACE_S = {"services": 4.0, "servers": 4.0, "port mapper": 0.5}

_SERVERS = frozenset({RABBITMQ, POSTGRES})

#: Takes how all parts are; called when something changed, and every `REPORT_INTERVAL_S`.
Report = Callable[[list[PartStatus]], None]


class Supervisor:
    """Keeps parts running until it is told to stop; not for use from several threads."""

    def __init__(
        self,
        parts: Iterable[Part],
        clock: Clock,
        log: structlog.typing.FilteringBoundLogger,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = {part.name: SupervisedPart(part, monotonic, log) for part in parts}
        self._clock = clock
        self._log = log
        self._monotonic = monotonic
        self._next_report_at = 0.0

    def run(self, stop: threading.Event, report: Report) -> None:
        """Start what is due and restart what ends, until `stop` is set; then stop everything.

        A full disk or a closed terminal, which nothing can be written to, does not end it.
        """
        try:
            while True:
                with contextlib.suppress(OSError):
                    self.tick(report)
                if stop.wait(TICK_S):
                    break
        finally:
            self.stop(report)

    def tick(self, report: Report) -> None:
        """Do what is due now."""
        has_changed = False
        for part in self._parts.values():
            may_start = all(self._parts[name].lifecycle.is_up for name in part.part.after)
            if part.step(may_start=may_start):
                has_changed = True
                # At once: what was started must be on record before anything can kill us.
                report(self.status())
        if self._monotonic() >= self._next_report_at:
            self._next_report_at = self._monotonic() + REPORT_INTERVAL_S
            for part in self._parts.values():
                part.look_at_figures()
            has_changed = True
        if has_changed:
            report(self.status())

    def status(self) -> list[PartStatus]:
        """Tell how all parts are, in the order of their start."""
        now: datetime = self._clock.now()
        return [status for part in self._parts.values() for status in part.statuses(now)]

    def stop(self, report: Report) -> None:
        """Stop everything, last started first; kills what does not stop in time."""
        for stage, grace_s in STOP_GRACE_S.items():
            members = [part for part in self._parts.values() if _stage_of(part) == stage]
            for part in reversed(members):
                part.ask_to_stop()
            with contextlib.suppress(OSError):
                report(self.status())
            self._wait_for_end(members, grace_s)
        with contextlib.suppress(OSError):
            report(self.status())

    def _wait_for_end(self, members: list[SupervisedPart], grace_s: float) -> None:
        deadline = self._monotonic() + grace_s
        while not all(part.has_ended for part in members) and self._monotonic() < deadline:
            time.sleep(TICK_S / 2)
        for part in members:
            if not part.has_ended:
                part.kill()
            part.sweep()


def _stage_of(part: SupervisedPart) -> str:
    if part.part.name == EPMD:
        return "port mapper"
    return "servers" if part.part.name in _SERVERS else "services"
