"""What there is to permit, and which role permits it: the only place that knows.

A permission is `<resource>:<what is done to it>`. A route names the one that it wants with
`gateway.access.requires`; a new resource adds its permissions here, and to the lowest role that has
them.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from weir.model.account import Role


class Permission(StrEnum):
    """Something that somebody may be allowed to do."""

    ACCOUNT_USE = "account:use"
    AGGREGATES_READ = "aggregates:read"
    AGGREGATES_WRITE = "aggregates:write"
    COMMANDS_READ = "commands:read"
    COMMANDS_SEND = "commands:send"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    DEAD_LETTERS_READ = "dead_letters:read"
    DEAD_LETTERS_SETTLE = "dead_letters:settle"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    DEVICES_DELETE = "devices:delete"
    DOCTOR_READ = "doctor:read"
    EVENTS_READ = "events:read"
    JOURNAL_READ = "journal:read"
    LOCATIONS_READ = "locations:read"
    LOGS_READ = "logs:read"
    METRICS_READ = "metrics:read"
    READINGS_READ = "readings:read"
    READINGS_WRITE = "readings:write"
    READINGS_DELETE = "readings:delete"
    SERIES_READ = "series:read"
    SERIES_WRITE = "series:write"
    SITES_READ = "sites:read"
    SITES_WRITE = "sites:write"
    STATUS_READ = "status:read"
    STORAGE_READ = "storage:read"
    STORAGE_WRITE = "storage:write"
    TOKENS_MANAGE = "tokens:manage"
    USERS_MANAGE = "users:manage"


#: Looks, and touches nothing but their own account.
_VIEWER = frozenset(
    {
        Permission.ACCOUNT_USE,
        Permission.AGGREGATES_READ,
        Permission.COMMANDS_READ,
        Permission.CONFIG_READ,
        Permission.DEAD_LETTERS_READ,
        Permission.DEVICES_READ,
        Permission.EVENTS_READ,
        Permission.LOCATIONS_READ,
        Permission.LOGS_READ,
        Permission.METRICS_READ,
        Permission.READINGS_READ,
        Permission.SERIES_READ,
        Permission.SITES_READ,
        Permission.STATUS_READ,
        Permission.STORAGE_READ,
    }
)
#: Runs the installation from day to day; nothing that this role does loses data.
_OPERATOR = _VIEWER | {
    Permission.AGGREGATES_WRITE,
    Permission.COMMANDS_SEND,
    Permission.CONFIG_WRITE,
    Permission.DEAD_LETTERS_SETTLE,
    Permission.DEVICES_WRITE,
    Permission.DOCTOR_READ,
    Permission.JOURNAL_READ,
    Permission.READINGS_WRITE,
    Permission.SERIES_WRITE,
    Permission.SITES_WRITE,
}
#: Decides who may do what, and what is deleted.
_ADMIN = frozenset(Permission)

ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _ADMIN,
}


def permissions_of_user(role: Role | None) -> frozenset[Permission]:
    """Tell what somebody with this role may do; without a role: nothing."""
    return ROLE_PERMISSIONS[role] if role else frozenset()


def permissions_of_token(
    owner_role: Role | None, ceiling: Role, only: Iterable[str] | None
) -> frozenset[Permission]:
    """Tell what a token may do: never more than its owner may at this moment.

    `only`: the permissions that it was narrowed to; those that no longer exist permit nothing.
    """
    allowed = permissions_of_user(owner_role) & ROLE_PERMISSIONS[ceiling]
    return allowed if only is None else allowed.intersection(only)
