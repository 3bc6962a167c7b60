"""Turn the signals that ask a process to end into an event, for code without an event loop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Ctrl-C, the polite end, and a terminal that goes away.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that is set by the first such signal in the time of the block.

    Further ones change nothing: whoever stops in good order is not to be interrupted. Call it from
    the main thread.
    """
    stop = threading.Event()

    def set_event(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, set_event) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
