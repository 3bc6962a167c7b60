"""Servers for the tests: one of each kind a session, a virtual host or database for each test.

`WEIR_TEST_REQUIRE=rabbitmq,postgres,mqtt` turns a skip for want of a server into a failure.
"""

import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

import pytest

from weir.testing.addresses import Broker, BrokerAddress, UnavailableError, open_vhost
from weir.testing.databases import open_database
from weir.testing.servers import open_broker, open_postgres

T = TypeVar("T")


def pytest_configure() -> None:
    # A shell starts what runs in its background deaf to Ctrl-C, and so would be all that the tests
    # start; ended by SIGTERM, a session would leave its servers behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker_address() -> Iterator[BrokerAddress]:
    with ExitStack() as stack:
        yield enter(stack, open_broker(os.environ), "rabbitmq", "mqtt")


@pytest.fixture
def broker(broker_address: BrokerAddress) -> Iterator[Broker]:
    with open_vhost(broker_address, f"test-{secrets.token_hex(6)}") as broker:
        yield broker


@pytest.fixture(scope="session")
def newest_broker_address() -> BrokerAddress:
    try:
        address = BrokerAddress.from_env(os.environ, "WEIR_NEWEST_")
    except UnavailableError as error:
        pytest.fail(str(error))
    return address or pytest.skip("WEIR_NEWEST_AMQP_URL is not set")


@pytest.fixture
def newest_broker(newest_broker_address: BrokerAddress) -> Iterator[Broker]:
    with open_vhost(newest_broker_address, f"test-{secrets.token_hex(6)}") as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give a role that may create databases, on the session's server."""
    with ExitStack() as stack:
        yield enter(stack, open_postgres(os.environ), "postgres")


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    async with open_database(postgres_url, f"test_{secrets.token_hex(6)}") as url:
        yield url


@pytest.fixture
async def migrated_database_url(database_url: str) -> str:
    from weir.postgres.migrate import migrate

    await migrate(database_url)
    return database_url


@pytest.fixture
async def newest_database_url() -> AsyncIterator[str]:
    url = os.environ.get("WEIR_NEWEST_POSTGRES_URL")
    if not url:
        pytest.skip("WEIR_NEWEST_POSTGRES_URL is not set")
    async with open_database(url, f"test_{secrets.token_hex(6)}") as database_url:
        yield database_url


def enter(stack: ExitStack, server: AbstractContextManager[T], *kinds: str) -> T:
    """Open a server; skip when there is none, or fail when the session requires its kind."""
    try:
        return stack.enter_context(server)
    except UnavailableError as error:
        required = os.environ.get("WEIR_TEST_REQUIRE", "").split(",")
        if set(kinds) & set(required):
            pytest.fail(f"required by WEIR_TEST_REQUIRE: {error}")
        pytest.skip(str(error))
