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
_CHUNK_BYTES = 65_536

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
        process = await asyncio.create_subprocess_exec(
            *configuration.command,
            env={**os.environ, **configuration.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A group of its own, so that its children can be killed with it.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise DeviceUnavailableError(f"{program} cannot be run: {error}") from error
    try:
        async with asyncio.timeout(configuration.timeout_s):
            output, said = await _outcome(process)
    except TimeoutError as error:
        raise DeviceUnavailableError(
            f"{program} did not end within {configuration.timeout_s:g} s, and was killed"
        ) from error
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if process.returncode:
        text = said.decode("utf-8", "replace").strip()
        raise DeviceUnavailableError(f"{program} ended with {process.returncode}: {text}")
    return output


async def _outcome(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    output, said = await asyncio.gather(_printed(process.stdout), _last_words(process.stderr))
    await process.wait()
    return output, said


async def _printed(stream: asyncio.StreamReader) -> bytes:
    output = bytearray()
    while chunk := await stream.read(_CHUNK_BYTES):
        output += chunk
        if len(output) > OUTPUT_BYTES_MAX:
            raise undecodable(f"over {OUTPUT_BYTES_MAX} bytes of output", bytes(output))
    return bytes(output)


async def _last_words(stream: asyncio.StreamReader) -> bytes:
    said = b""
    while chunk := await stream.read(_CHUNK_BYTES):
        said = (said + chunk)[-_SAID_BYTES_MAX:]
    return said
