"""Run a command and read what it prints: JSON, or key=value pairs (logfmt).

For everything that has a command line tool and no driver: `sensors -j`, `upsc`, a shell script.
"""

import asyncio
import os
import random
import signal
from contextlib import suppress
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from producers.drivers import http_json
from producers.drivers._answers import at_present, quoting, undecodable
from producers.drivers._mapping import FieldMap, Fields
from producers.drivers._values import parse_logfmt, truth
from weir.codec.encode import Value
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import DecodeError, DeviceUnavailableError
from weir.model.announcement import FieldDescription

ARGUMENT_COUNT_MAX = 64
ARGUMENT_LENGTH_MAX = 4_096
OUTPUT_BYTES_MAX = 256 * 1024
TIMEOUT_S_MAX = 300.0
#: The end of what a failed command wrote to stderr.
_SAID_BYTES_MAX = 200
_STDERR = 2

_Text = Annotated[str, StringConstraints(max_length=ARGUMENT_LENGTH_MAX)]


class ExecConfiguration(DriverConfiguration):
    """What is run, and what in its output is a field."""

    command: tuple[_Text, ...] = Field(
        min_length=1,
        max_length=ARGUMENT_COUNT_MAX,
        description="program and arguments; no shell, unless that is the program",
    )
    format: Literal["json", "logfmt"] = Field("json", description="what it prints")
    environment: dict[_Text, _Text] = Field(
        {}, max_length=ARGUMENT_COUNT_MAX, description="added to the agent's own"
    )
    timeout_s: float = Field(
        10.0, gt=0, le=TIMEOUT_S_MAX, description="it is killed after this, with its children"
    )
    fields: Fields = Field({})


class Exec(Driver[ExecConfiguration]):
    """A command that prints the present state, run at each poll."""

    name = "exec"
    model = "exec-1"
    configuration_class = ExecConfiguration

    def __init__(self, configuration: ExecConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        self._map = FieldMap(self.name, configuration.fields)

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """The configured fields; without any, those that were printed until now."""
        return self._map.descriptions

    async def read(self, poll: Poll) -> Polled:
        """Run the command and take the fields out of its output.

        Raises:
            DecodeError: it printed something else, or too much.
            DeviceUnavailableError: it cannot be run, failed, or took too long.
        """
        output = await run(self.configuration)
        decode = http_json.decode if self.configuration.format == "json" else decode_logfmt
        return Polled(at_present(poll, decode(output, self._map)))


def decode_logfmt(output: bytes, fields: FieldMap) -> dict[str, Value]:
    """Take the fields' values out of key=value pairs, over any number of lines.

    Raises:
        DecodeError: something else, or a field is missing; quotes the output.
    """
    with quoting(output):
        try:
            pairs = parse_logfmt(output.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DecodeError(f"not UTF-8: {error}") from error
        return fields.values({key: truth(text) for key, text in pairs.items()})


async def run(configuration: ExecConfiguration) -> bytes:
    """Run a command to its end and give what it printed.

    Raises:
        DecodeError: it printed too much; it was killed.
        DeviceUnavailableError: it cannot be run, failed, or took too long and was killed.
    """
    program = configuration.command[0]
    try:
        transport, output = await asyncio.get_running_loop().subprocess_exec(
            _Output,
            *configuration.command,
            env={**os.environ, **configuration.environment},
            stdin=asyncio.subprocess.DEVNULL,
            # A group of its own, so that its children can be killed with it.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise DeviceUnavailableError(f"{program} cannot be run: {error}") from error
    try:
        async with asyncio.timeout(configuration.timeout_s):
            await output.is_complete
    except TimeoutError as error:
        raise DeviceUnavailableError(
            f"{program} did not end within {configuration.timeout_s:g} s, and was killed"
        ) from error
    finally:
        with suppress(ProcessLookupError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
        # Not `Process.wait`: that waits for the pipes too, which a child in another group may hold.
        transport.close()
        await output.has_ended.wait()
    returncode = transport.get_returncode()
    if returncode:
        text = bytes(output.said).decode("utf-8", "replace").strip()
        raise DeviceUnavailableError(f"{program} ended with {returncode}: {text}")
    return bytes(output.printed)


class _Output(asyncio.SubprocessProtocol):
    """What a command prints, up to the bound, and the last that it says on stderr."""

    def __init__(self) -> None:
        self.printed = bytearray()
        self.said = bytearray()
        #: Raises `DecodeError` as soon as it is too much.
        self.is_complete = asyncio.get_running_loop().create_future()
        #: The process is gone, and the pipes are closed.
        self.has_ended = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDERR:
            self.said = (self.said + data)[-_SAID_BYTES_MAX:]
        elif not self.is_complete.done():
            self.printed += data
            if len(self.printed) > OUTPUT_BYTES_MAX:
                error = undecodable(f"over {OUTPUT_BYTES_MAX} bytes of output", bytes(self.printed))
                self.is_complete.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.has_ended.set()
        if not self.is_complete.done():
            self.is_complete.set_result(None)
