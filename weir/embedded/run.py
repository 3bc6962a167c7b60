"""The whole life of `iotctl up`: claim the folder, clean up, choose ports, prepare, supervise."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from weir.clock import Clock
from weir.embedded.layout import Layout
from weir.embedded.leftovers import end_leftovers
from weir.embedded.lifecycle import PartState
from weir.embedded.lock import folder_lock
from weir.embedded.part_log import open_log, trim_log
from weir.embedded.port_plan import plan_ports, read_ports, write_ports
from weir.embedded.ports import wait_released
from weir.embedded.rabbitmq_files import ADMIN_USER
from weir.embedded.stack import Stack, StackOptions
from weir.embedded.state import (
    STATE_FILE,
    PartStatus,
    ProcessIdentity,
    StackState,
    read_state,
    write_state,
)
from weir.embedded.supervisor import Supervisor

SUPERVISOR_LOG = "supervisor"
_UP = frozenset({PartState.READY, PartState.DONE})


class Screen(Protocol):
    """What the person sees who has started the system."""

    def say(self, text: str) -> None:
        """Tell a step that is under way."""
        ...

    def show(self, state: StackState) -> None:
        """Show how everything is; called on every change and every second."""
        ...


def run_stack(options: StackOptions, clock: Clock, stop: threading.Event, screen: Screen) -> None:
    """Run the system until `stop` is set; everything that was started has ended then.

    Raises:
        ConfigError: the folder is in use or cannot be used, or ports are taken; nothing was
            started.
        ProcessError: a server is not installed or cannot be prepared; nothing runs.
    """
    layout = Layout(options.folder)
    layout.make()
    with folder_lock(layout.folder), supervisor_log(layout) as log:
        ended = end_leftovers(read_state(layout.folder))
        if ended:
            screen.say(f"ended what an earlier start has left running: {', '.join(ended)}")
            log.warning("leftovers_ended", parts=ended)
            wait_released(read_ports(layout.ports).values())
        ports = plan_ports(options.services, options.ports, read_ports(layout.ports))
        write_ports(layout.ports, ports)
        stack = Stack(options, layout, ports)
        screen.say(f"preparing {layout.folder}")
        stack.prepare()
        recorder = Recorder(stack, clock, screen)
        Supervisor(stack.parts(), clock, log).run(stop, recorder.report)
        (layout.folder / STATE_FILE).unlink(missing_ok=True)


class Recorder:
    """Turns how the parts are into the state of the system, for the file and the screen."""

    def __init__(self, stack: Stack, clock: Clock, screen: Screen) -> None:
        self._stack = stack
        self._clock = clock
        self._screen = screen
        self._supervisor = ProcessIdentity.of_this_process()
        self._started_at = clock.now()
        self._was_ready = False

    def report(self, parts: list[PartStatus]) -> None:
        """Write and show how everything is now."""
        self._was_ready = self._was_ready or all(part.state in _UP for part in parts)
        state = self._state(parts, self._clock.now())
        write_state(self._stack.layout.folder, state)
        self._screen.show(state)
        trim_log(self._stack.layout.log(SUPERVISOR_LOG))

    def _state(self, parts: list[PartStatus], now: datetime) -> StackState:
        layout = self._stack.layout
        return StackState(
            supervisor=self._supervisor,
            started_at=self._started_at,
            updated_at=now,
            is_ready=self._was_ready,
            gateway_url=self._stack.gateway_url,
            management_url=self._stack.management_ui,
            mqtt_url=self._stack.rabbitmq.mqtt_url,
            credentials={
                "gateway": layout.gateway_token_file,
                "admin": layout.admin_password_file,
                "management": layout.secrets / f"rabbitmq-{ADMIN_USER}",
            },
            parts=parts,
        )


@contextmanager
def supervisor_log(layout: Layout) -> Iterator[structlog.typing.FilteringBoundLogger]:
    """Log to the supervisor's own file: its terminal belongs to the screen."""
    path: Path = layout.log(SUPERVISOR_LOG)
    with open_log(path) as file:
        yield structlog.wrap_logger(
            structlog.BytesLogger(file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(serializer=_to_json_bytes),
            ],
            wrapper_class=structlog.make_filtering_bound_logger("info"),
        )


def _to_json_bytes(value: object, **_: object) -> bytes:
    return json.dumps(value).encode()
