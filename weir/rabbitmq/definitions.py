"""What a broker knows of devices and queues, saved and loaded: users, rights, queues, bindings.

Users of devices keep their passwords, as salted hashes. Those of Weir itself and of administrators
are left out: every installation has its own.
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from weir.rabbitmq.management import open_management

Definitions = dict[str, Any]

#: Of one virtual host each; its name is not part of it, so that it can be another one.
_OF_VHOST = ("exchanges", "queues", "bindings", "policies")
_OF_USER = ("permissions", "topic_permissions")


async def save_definitions(
    management_url: str, vhost: str, left_out: Collection[str]
) -> Definitions:
    """Give the definitions of a virtual host and of the users of its devices.

    `left_out`: names of users that belong to this installation alone.

    Raises:
        BrokerUnavailableError: try again later.
        ConfigError: the user of `management_url` is not an administrator.
    """
    async with open_management(management_url) as management:
        everything = await management.definitions()
    return of_devices(everything, vhost, left_out)


async def load_definitions(management_url: str, vhost: str, definitions: Mapping[str, Any]) -> None:
    """Add what is missing; what is there already is kept, but users get the rights that are saved.

    Raises:
        BrokerUnavailableError: try again later; it is safe to repeat.
        ConfigError: the user of `management_url` is not an administrator.
        RequestError: the broker refuses something, for example a queue with other arguments.
    """
    async with open_management(management_url) as management:
        await management.put_definitions(into_vhost(definitions, vhost))


def of_devices(everything: Mapping[str, Any], vhost: str, left_out: Collection[str]) -> Definitions:
    """Choose, of a broker's definitions, those of a virtual host and of users without tags."""
    users = {
        user["name"]: user
        for user in everything.get("users", ())
        if not user.get("tags") and user["name"] not in left_out
    }
    chosen: Definitions = {"users": list(users.values())}
    for kind in _OF_USER:
        chosen[kind] = [
            _without_vhost(item)
            for item in everything.get(kind, ())
            if item["vhost"] == vhost and item["user"] in users
        ]
    for kind in _OF_VHOST:
        chosen[kind] = [
            _without_vhost(item) for item in everything.get(kind, ()) if item["vhost"] == vhost
        ]
    return chosen


def into_vhost(definitions: Mapping[str, Any], vhost: str) -> Definitions:
    """Give definitions that `of_devices` has chosen the name of a virtual host."""
    placed: Definitions = {"users": definitions.get("users", [])}
    for kind in (*_OF_USER, *_OF_VHOST):
        placed[kind] = [{**item, "vhost": vhost} for item in definitions.get(kind, ())]
    return placed


def user_of(url: str) -> str:
    """Read the user out of an address."""
    return unquote(urlsplit(url).username or "")


def _without_vhost(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "vhost"}
