"""The management API's refusals, as our errors."""

import secrets

import pytest

from weir.errors import ConfigError, NotFoundError, RequestError
from weir.rabbitmq.management import open_management, permission_path
from weir.testing.addresses import Broker

pytestmark = pytest.mark.rabbitmq


async def test_a_request_that_makes_no_sense_is_refused_with_the_reason(any_broker: Broker) -> None:
    async with open_management(any_broker.management_url) as management:
        with pytest.raises(RequestError, match="nonsense"):
            await management.put(f"exchanges/{any_broker.vhost}/x", {"type": "nonsense"})


async def test_what_is_not_there_is_named(any_broker: Broker) -> None:
    async with open_management(any_broker.management_url) as management:
        with pytest.raises(NotFoundError, match="nobody"):
            await management.delete_user("nobody/at all")


async def test_a_user_without_a_tag_may_do_nothing_here(any_broker: Broker) -> None:
    name = f"plain-{secrets.token_hex(6)}"
    host = any_broker.management_url.rpartition("@")[2]
    async with open_management(any_broker.management_url) as management:
        await management.put_user(name, "secret")
        await management.put(
            permission_path("permissions", any_broker.vhost, name),
            {"configure": ".*", "write": ".*", "read": ".*"},
        )
        try:
            async with open_management(f"http://{name}:secret@{host}") as plain:
                with pytest.raises(ConfigError, match="WEIR_MANAGEMENT_URL"):
                    await plain.list("queues", any_broker.vhost)
        finally:
            await management.delete_user(name)
