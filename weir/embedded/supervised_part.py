"""One part under supervision: its process, its lifecycle and its figures."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from weir.embedded.lifecycle import Lifecycle
from weir.embedded.part_log import open_log, trim_log
from weir.embedded.process import ChildProcess
from weir.embedded.scrape import Figures, Rate, scrape
from weir.embedded.stack import Part
from weir.embedded.state import PartStatus, ProcessIdentity

#: The exit code of a part whose program could not even be started (as shells have it).
EXIT_NOT_STARTED = 127


class SupervisedPart:
    """Starts a part when it is due, notices its end, and stops it.

    Args:
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        part: Part,
        monotonic: Callable[[], float],
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self.part = part
        self.lifecycle = Lifecycle(is_task=part.is_task, since=monotonic())
        self._monotonic = monotonic
        self._log = log.bind(part=part.name)
        self._child: ChildProcess | None = None
        self._identity: ProcessIdentity | None = None
        self._figures = Figures()
        self._rate = Rate()

    def step(self, *, may_start: bool) -> bool:
        """Do what is due now; tells whether the state changed."""
        before = self.lifecycle.state
        if self.lifecycle.is_running:
            self._look()
        elif may_start and self.lifecycle.is_due(self._monotonic()):
            self._start()
        return self.lifecycle.state is not before

    def look_at_figures(self) -> None:
        """Read its metrics, and keep its log small."""
        trim_log(self.part.log)
        port = self.part.metrics_port
        if port is None or not self.lifecycle.is_up:
            self._figures = Figures()
            return
        self._figures = scrape(port)
        if self._figures.reading_count is not None:
            self._rate.add(self._monotonic(), self._figures.reading_count)

    def ask_to_stop(self) -> None:
        """Send the stop signal; it will not be started again."""
        if self._child:
            self._child.ask_to_stop()
        self.lifecycle.stopped(self._monotonic())

    @property
    def has_ended(self) -> bool:
        """Tell whether there is no process any more."""
        return self._child is None or self._child.exit_code is not None

    def kill(self) -> None:
        """End what is left of it at once, whether or not that can be logged."""
        if self._child:
            self._child.kill()
            with contextlib.suppress(OSError):
                self._log.warning("part_killed", reason="did not stop in time")

    def sweep(self) -> None:
        """End what its process has left behind."""
        if self._child:
            self._child.sweep()

    def statuses(self, now: datetime) -> list[PartStatus]:
        """Tell how it is, or how each of the services is that share it; `now`: time of day, UTC."""
        status = self._status(now)
        # A process that several share stores no readings: those that do have their own.
        shared = status.model_copy(update={"readings_per_s": None})
        return [
            shared.model_copy(update={"name": name, "lag_s": self._figures.lags_s.get(name)})
            for name in self.part.members
        ] or [status]

    def _status(self, now: datetime) -> PartStatus:
        lifecycle = self.lifecycle
        has_rate = lifecycle.is_up and self._figures.reading_count is not None
        return PartStatus(
            name=self.part.name,
            state=lifecycle.state,
            since=(now - timedelta(seconds=self._monotonic() - lifecycle.since)).astimezone(UTC),
            process=self._identity if not self.has_ended else None,
            port=self.part.port,
            restart_count=lifecycle.restart_count,
            exit_code=lifecycle.exit_code,
            readings_per_s=self._rate.per_s if has_rate else None,
            lag_s=self._figures.lag_s,
            log=self.part.log,
        )

    def _start(self) -> None:
        self.lifecycle.started(self._monotonic())
        try:
            with open_log(self.part.log) as log:
                self._child = ChildProcess(self.part.spec, log)
        except OSError as error:
            self._log.error("part_start_failed", reason=str(error))
            self.lifecycle.ended(self._monotonic(), EXIT_NOT_STARTED)
            return
        self._identity = ProcessIdentity.of(self._child.pid)
        self._rate = Rate()
        self._log.info("part_started", pid=self._child.pid)

    def _look(self) -> None:
        child = self._child
        assert child is not None  # noqa: S101 - it is running
        now = self._monotonic()
        exit_code = child.exit_code
        if exit_code is not None:
            self.lifecycle.ended(now, exit_code)
            if self.lifecycle.is_up:
                self._log.info("part_done")
            else:
                delay_s = self.lifecycle.restart_delay_s
                self._log.warning("part_ended", exit_code=exit_code, restart_in_s=delay_s)
        elif self.lifecycle.is_overdue(now):
            self.kill()
        elif not self.lifecycle.is_up and not self.part.is_task and child.is_ready():
            self.lifecycle.became_ready(now)
            self._log.info("part_answered", pid=child.pid)
