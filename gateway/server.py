"""Runs the gateway until it is told to stop; a database that is away is waited out."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.app import create_app
from gateway.context import Context
from gateway.live.feed import LiveFeed, open_feed
from gateway.rate_limits import request_rate
from weir.accounts.first_admin import FIRST_ADMIN, make_first_admin
from weir.accounts.passwords import generate_password
from weir.clock import SystemClock
from weir.config import GatewaySettings, Settings, reveal
from weir.errors import ConfigError
from weir.model.names import partition_streams
from weir.ports import Republisher
from weir.postgres.journal_bell import JournalBell
from weir.postgres.pool import Pool, open_pool
from weir.postgres.queries.status import ping
from weir.rabbitmq.republisher import open_republisher
from weir.runtime.waiting import repeat, until_available

log = structlog.get_logger()

#: What the gateway must be told; without WEIR_AMQP_URL it serves all but replays, without
#: WEIR_STREAM_URL all but live streams.
GATEWAY_VARIABLES = ("WEIR_POSTGRES_URL",)
#: How often the database is looked at, so that the log says when it went away and came back.
WATCH_INTERVAL_S = 5.0
#: How long requests that are under way may take when the gateway stops.
SHUTDOWN_GRACE_S = 5


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the API until `stop` is set; then finish the requests that are under way.

    Listens at once, whatever the state of the database: `/readyz` tells it.

    Raises:
        ConfigError: a setting is missing, or the address cannot be listened on.
    """
    postgres_url = reveal(settings.postgres.url, "WEIR_POSTGRES_URL")
    streams = partition_streams(settings.partition.count)
    with _listen(settings.gateway) as listener:
        async with (
            open_pool(postgres_url) as pool,
            open_republisher(_amqp_url(settings)) as republisher,
            open_feed(pool, _stream_url(settings), streams) as live,
            asyncio.TaskGroup() as tasks,
        ):
            context = _context(settings, pool, republisher, live)
            app = create_app(context)
            server = _Server(_uvicorn_config(app, settings.gateway))
            watching = tasks.create_task(repeat(WATCH_INTERVAL_S, partial(ping, pool)))
            beginning = tasks.create_task(_make_first_admin(context))
            tasks.create_task(_stop_when(stop, server, live, app.state.bell))
            log.info("gateway_listening", address="{}:{}".format(*listener.getsockname()))
            await server.serve([listener])
            watching.cancel()
            beginning.cancel()


def _amqp_url(settings: Settings) -> str | None:
    return None if settings.amqp.url is None else settings.amqp.url.get_secret_value()


def _stream_url(settings: Settings) -> str | None:
    return None if settings.stream.url is None else settings.stream.url.get_secret_value()


def _context(settings: Settings, pool: Pool, republisher: Republisher, live: LiveFeed) -> Context:
    token = settings.gateway.token
    return Context(
        pool,
        SystemClock(),
        None if token is None else token.get_secret_value(),
        republisher,
        live,
        request_rate=request_rate(settings.gateway.requests_per_s),
        settings=settings,
    )


async def _make_first_admin(context: Context) -> None:
    password = generate_password()
    make = partial(make_first_admin, context.pool, password, context.now())
    if await until_available(make):
        # Not logged: logs are kept and sent elsewhere. It is nowhere else to be seen.
        sys.stdout.write(f"first start: log in as {FIRST_ADMIN} with the password {password}\n")
        sys.stdout.flush()


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: signals belong to `weir.runtime`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _stop_when(
    stop: asyncio.Event, server: uvicorn.Server, live: LiveFeed, bell: JournalBell
) -> None:
    await stop.wait()
    # Live streams end only when they are told to, and whoever waits is answered.
    live.close()
    bell.close()
    server.should_exit = True


def _uvicorn_config(app: FastAPI, settings: GatewaySettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        # h11 bounds what it buffers of a request's head; the alternative does not.
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        # It warns of what strangers send, in words of its own between our lines.
        log_level="error",
        access_log=False,
        server_header=False,
        # Believing everybody would let everybody choose the address that is counted against them.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or "",
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
    )


def _listen(settings: GatewaySettings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"the gateway cannot listen on WEIR_GATEWAY_HOST {settings.host}, "
            f"WEIR_GATEWAY_PORT {settings.port}: {error.strerror or error}"
        ) from error
