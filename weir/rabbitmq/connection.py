"""Connections to RabbitMQ over AMQP 0-9-1, with its errors as ours.

Publishing and consuming take connections of their own: under a memory or disk alarm the broker
stops reading from a connection that publishes, and acknowledgements would wait with the messages.
No automatic reconnecting here: whoever holds a connection knows what to restore.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.connection import make_url
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AuthenticationError,
    ChannelClosed,
    ConnectionClosed,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from yarl import URL

from weir.errors import BrokerUnavailableError, ConfigError
from weir.hosts import each_host, first_reached

CONNECT_TIMEOUT_S = 10.0
#: For one request on an open channel. A quorum queue that elects a leader answers within seconds.
REQUEST_TIMEOUT_S = 20.0
#: Closing is a courtesy: a broker that does not answer is left alone.
CLOSE_TIMEOUT_S = 3.0
#: A peer that says nothing for three of these is gone.
HEARTBEAT_S = 10

#: Reply texts start with the name of their code (AMQP 0-9-1, section 1.1); a retry cannot help.
_REFUSALS = ("ACCESS_REFUSED", "NOT_ALLOWED")


@asynccontextmanager
async def open_connection(url: str, purpose: str) -> AsyncIterator[AbstractConnection]:
    """Connect until the block ends; `purpose` names the connection in the management UI.

    `url`: amqp://user:password@host:port/vhost, or several hosts, which are tried in turn.

    Raises:
        BrokerUnavailableError: nobody answers, or the broker is just starting.
        ConfigError: the user, the password or the virtual host is wrong.
    """

    async def enter(address: URL) -> AbstractConnection:
        return await stack.enter_async_context(_open_one(address))

    async with AsyncExitStack() as stack:
        yield await first_reached(_addresses(url, purpose), enter)


@asynccontextmanager
async def _open_one(address: URL) -> AsyncIterator[AbstractConnection]:
    # The libraries log each failed attempt as an error; our callers log a loss once.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    logging.getLogger("aio_pika").setLevel(logging.CRITICAL)
    connection = aio_pika.Connection(address)
    try:
        with translated():
            await _connect(connection)
        yield connection
    finally:
        # Also one that never came up: otherwise it closes itself when it is collected.
        await _close(connection)


@asynccontextmanager
async def open_channel(
    connection: AbstractConnection, *, on_return_raises: bool = False
) -> AsyncIterator[AbstractChannel]:
    """Open a channel until the block ends.

    Closing it is a request of its own, so acknowledgements that were sent before have arrived.
    `on_return_raises`: publishing a message that reaches no queue is an error.

    Raises:
        BrokerUnavailableError: the connection is lost.
    """
    with translated():
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            channel = await connection.channel(on_return_raises=on_return_raises)
    try:
        yield channel
    finally:
        await _close(channel)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what aio-pika raises into our errors.

    Raises:
        BrokerUnavailableError: try again later.
        ConfigError: the broker refused access.
    """
    try:
        yield
    except (AuthenticationError, ProbableAuthenticationError) as error:
        raise ConfigError("RabbitMQ refused the user or password of WEIR_AMQP_URL") from error
    except asyncio.CancelledError as error:
        # aiormq cancels what waits on a connection that dies; only we cancel our own tasks.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerUnavailableError("RabbitMQ: the connection was lost") from error
    except (ChannelClosed, ConnectionClosed) as error:
        if reply_text(error).startswith(_REFUSALS):
            raise ConfigError(f"RabbitMQ: {reply_text(error)}") from error
        raise BrokerUnavailableError(f"RabbitMQ: {reply_text(error)}") from error
    except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        reason = str(error) or type(error).__name__
        raise BrokerUnavailableError(f"RabbitMQ: {reason}") from error


def reply_text(error: ChannelClosed | ConnectionClosed) -> str:
    """Give the sentence with which the broker closed."""
    texts = [item for item in error.args if isinstance(item, str)]
    return texts[-1] if texts else type(error).__name__


def _addresses(url: str, purpose: str) -> list[URL]:
    try:
        return [
            make_url(each, heartbeat=HEARTBEAT_S, name=f"weir {purpose}") for each in each_host(url)
        ]
    except ValueError as error:
        raise ConfigError(
            "WEIR_AMQP_URL is not an address: amqp://user:password@host:5672/vhost"
        ) from error


async def _connect(connection: AbstractConnection) -> None:
    try:
        await connection.connect(timeout=CONNECT_TIMEOUT_S)
    except InvalidFrameError as error:
        # How aiormq reports that the broker closes instead of opening a virtual host.
        raise BrokerUnavailableError(
            "RabbitMQ: the virtual host is not there, is not up yet, or refuses the user"
        ) from error


async def _close(closeable: AbstractConnection | AbstractChannel) -> None:
    try:
        with translated():
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await closeable.close()
    except (BrokerUnavailableError, ConfigError):
        # It is closed anyway, or will be when the broker notices.
        return
