"""Commands to one device: each is carried out once, in bounded time, and always answered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from pydantic import ValidationError

from producers.agent.clock import AgentClock
from producers.agent.file import explain
from producers.agent.outbox import Outbox, shortened
from producers.agent.spool import Spool
from weir.clock import from_us
from weir.codec.control.command import decode_command
from weir.codec.control.reply import RESULT_BOUNDS, decode_reply
from weir.codec.documents import document_text
from weir.errors import (
    CommandRefusedError,
    DeviceUnavailableError,
    InvalidMessageError,
)
from weir.model.built_in_commands import BUILT_IN
from weir.model.command import CommandMessage, Reply, ReplyStatus
from weir.model.limits import ERROR_LENGTH_MAX

log = structlog.get_logger()

#: A command that takes longer has failed, whatever the device still does.
COMMAND_TIMEOUT_S = 60.0
#: Commands that wait for the one that is carried out.
WAITING_COUNT_MAX = 64

Act = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class Commands:
    """What a device is asked to do, one after another.

    What was begun is put down before it is begun: a command that arrives again is answered with
    the reply of the first time, and one that a crash has interrupted is answered as failed, because
    nobody knows how far it came.

    Args:
        act: carries a command out and gives its result.
    """

    def __init__(self, spool: Spool, outbox: Outbox, clock: AgentClock, act: Act) -> None:
        self._spool = spool
        self._outbox = outbox
        self._clock = clock
        self._act = act
        self._waiting: asyncio.Queue[CommandMessage] = asyncio.Queue(WAITING_COUNT_MAX)
        self._known: set[str] = set()

    def take(self, body: bytes) -> None:
        """Let a command wait for its turn; one too many is left to be sent again."""
        try:
            message = decode_command(body)
        except InvalidMessageError as error:
            # Without an id there is nothing to answer.
            log.warning("command_dropped", serial=self._outbox.serial, reason=str(error))
            return
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            log.warning("command_dropped", serial=self._outbox.serial, reason="too many wait")

    async def run(self) -> None:
        """Carry out what waits, until cancelled."""
        while True:
            await self._answer(await self._waiting.get())

    async def _answer(self, message: CommandMessage) -> None:
        serial, command_id = self._outbox.serial, message.command_id
        known = await self._spool.do(lambda file: file.reply_to(serial, command_id))
        if known is not None:
            await self._answer_again(message, known)
            return
        now = from_us(self._clock.now_us())
        # An unset clock cannot tell what has expired.
        if self._clock.base.is_known and now >= message.expires_at:
            at = f"{message.expires_at:%Y-%m-%d %H:%M:%S} UTC"
            await self._reply(message, ReplyStatus.FAILED, error=f"expired at {at}, not begun")
            return
        self._known.add(command_id)
        await self._reply(message, ReplyStatus.RECEIVED)
        log.info("command_received", serial=serial, command=message.command, id=command_id)
        try:
            result = await self._carry_out(message)
            document_text("result", dict(result), RESULT_BOUNDS)
        except (CommandRefusedError, DeviceUnavailableError, InvalidMessageError) as error:
            await self._reply(message, ReplyStatus.FAILED, error=shortened(error))
        except TimeoutError:
            text = f"not done within {COMMAND_TIMEOUT_S:g} s"
            await self._reply(message, ReplyStatus.FAILED, error=text)
        except Exception as error:
            log.exception("command_failed", serial=serial, command=message.command)
            text = f"{type(error).__name__}: {shortened(error)}"
            await self._reply(message, ReplyStatus.FAILED, error=text)
        else:
            await self._reply(message, ReplyStatus.SUCCEEDED, result)

    async def _answer_again(self, message: CommandMessage, body: bytes) -> None:
        reply = decode_reply(body, self._outbox.serial)
        if reply.status is ReplyStatus.RECEIVED and message.command_id not in self._known:
            error = "the agent ended while it was carried out: nobody knows how far it came"
            await self._reply(message, ReplyStatus.FAILED, error=error)
            return
        await self._outbox.repeat_reply(message.command, body)

    async def _carry_out(self, message: CommandMessage) -> Mapping[str, Any]:
        parameters = message.parameters
        model = BUILT_IN.get(message.command)
        if model is not None:
            try:
                model.model_validate(parameters)
            except ValidationError as error:
                raise CommandRefusedError("; ".join(explain(error, "parameters"))) from error
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            try:
                return await self._act(message.command, parameters)
            except ValidationError as error:
                raise CommandRefusedError("; ".join(explain(error, "parameters"))) from error

    async def _reply(
        self,
        message: CommandMessage,
        status: ReplyStatus,
        result: Mapping[str, Any] | None = None,
        error: str = "",
    ) -> None:
        now_us = self._clock.now_us()
        replied_at = from_us(now_us) if self._clock.base.is_known else None
        reply = Reply(
            message.command_id, status, result or {}, error[:ERROR_LENGTH_MAX], replied_at
        )
        await self._outbox.put_reply(message.command, reply)
