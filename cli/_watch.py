"""Prints what a command prints again and again, for those who watch it change."""

import inspect
import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial, wraps
from typing import Annotated, Any, Protocol, TextIO

import typer

from cli._output import print_note
from weir.errors import GatewayUnavailableError

#: Quick enough to see a device come back, slow enough to be no load.
WATCH_INTERVAL_S = 2.0
#: Cursor home, clear to the end. Source: ECMA-48, CUP and ED.
_CLEAR = "\x1b[H\x1b[J"

Watch = Annotated[
    bool, typer.Option("--watch", "-w", help="Print it again as it changes, until Ctrl-C.")
]


class Sleep(Protocol):
    """Waits so many seconds."""

    def __call__(self, seconds: float, /) -> None:
        """Wait."""
        ...


def watchable(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option `--watch`."""

    @wraps(command)
    def watched(*args: Any, watch: bool = False, **kwargs: Any) -> None:
        if watch:
            watch_it(partial(command, *args, **kwargs))
        else:
            command(*args, **kwargs)

    option = inspect.Parameter(
        "watch", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Watch
    )
    signature = inspect.signature(command)
    parameters = [*signature.parameters.values(), option]
    watched.__dict__["__signature__"] = signature.replace(parameters=parameters)
    watched.__annotations__ = {**command.__annotations__, "watch": Watch}
    return watched


def watch_it(show: Callable[[], None], sleep: Sleep = time.sleep) -> None:
    """Call `show` until Ctrl-C; on a terminal in place, elsewhere when it prints something new.

    A gateway that is away is waited for, which is said once.
    """
    is_away = False
    last = None
    with suppress(KeyboardInterrupt):
        while True:
            try:
                with _printed_at_once() as page, suppress(typer.Exit):
                    show()
            except GatewayUnavailableError as error:
                if not is_away:
                    print_note(f"waiting: {error}")
                is_away = True
            else:
                is_away = False
                if page.getvalue() != last:
                    last = page.getvalue()
                    _write(last)
            sleep(WATCH_INTERVAL_S)


class _Page(io.StringIO):
    """Takes what is printed; a terminal where it will be shown on one."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def isatty(self) -> bool:
        return self._stream.isatty()


@contextmanager
def _printed_at_once() -> Iterator[_Page]:
    stream = sys.stdout
    page = _Page(stream)
    # Nothing is drawn before all of it is there: asking for it takes its time.
    sys.stdout = page
    try:
        yield page
    finally:
        sys.stdout = stream


def _write(text: str) -> None:
    sys.stdout.write(_CLEAR + text if sys.stdout.isatty() else text)
    sys.stdout.flush()
