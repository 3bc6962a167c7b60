"""The roles of a server that Weir uses, and who owns its database: made by an administrator.

Roles belong to the whole server, so no migration makes them. What each may do inside the database
is in `grants`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

import asyncpg

from weir.errors import ConfigError
from weir.postgres.errors import translated
from weir.postgres.pool import CONNECT_TIMEOUT_S, Connection
from weir.postgres.scram import scram_verifier


class Role(StrEnum):
    """A role of PostgreSQL, and what it is for."""

    OWNER = "weir_owner"
    APP = "weir_app"
    READONLY = "weir_readonly"
    MONITORING = "weir_monitoring"
    REPLICATION = "weir_replication"


#: What makes each role more than a login; none may make roles or databases, or is a superuser.
_ATTRIBUTES = {Role.REPLICATION: "REPLICATION"}
#: Roles of PostgreSQL that ours are members of.
_MEMBERSHIPS = {Role.MONITORING: "pg_monitor"}
#: Settings that hold for every session of a role. A session may change them: they keep a wrong
#: query from hurting, it is the grants that keep it from writing.
_SETTINGS = {
    Role.READONLY: {
        "default_transaction_read_only": "on",
        "statement_timeout": "30s",
        # Compiling takes longer than what dashboards ask.
        "jit": "off",
    },
    Role.MONITORING: {"default_transaction_read_only": "on", "statement_timeout": "10s"},
}
#: Extensions, and a setting that exists only where its library was loaded at the server's start.
_EXTENSIONS = {
    "timescaledb": "timescaledb.disable_load",
    "pg_stat_statements": "pg_stat_statements.max",
}
#: What a managed database answers to that which only its provider may do.
_FORBIDDEN = (asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('weir.roles', 0))"
_IS_THERE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
_IS_MEMBER = "SELECT pg_has_role($1, $2, 'MEMBER')"
#: From PostgreSQL 16 on, who makes a role may administer it and not yet act as it.
_MAY_BE_OWNER = """
    SELECT pg_has_role('weir_owner', CASE
        WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    """
_IS_LOADED = "SELECT current_setting($1, true) IS NOT NULL"
_DATABASE = "SELECT quote_ident(current_database())"
#: What somebody else made here before there was an owner; what extensions brought stays theirs.
_TAKE_OVER = """
    DO $$
    DECLARE
        statement text;
    BEGIN
        FOR statement IN
            SELECT format('ALTER SCHEMA %I OWNER TO weir_owner', nspname) FROM pg_namespace
            WHERE nspname IN ('public', 'report') AND nspowner <> 'weir_owner'::regrole
            UNION ALL
            SELECT format('ALTER %s %s OWNER TO weir_owner',
                          CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                               WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass)
            FROM pg_class
            WHERE relnamespace IN (SELECT oid FROM pg_namespace
                                   WHERE nspname IN ('public', 'report'))
              AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relowner <> 'weir_owner'::regrole
              AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                              AND objid = pg_class.oid AND deptype IN ('e', 'a', 'i')
                              AND (deptype = 'e' OR relkind = 'S'))
            UNION ALL
            SELECT format('ALTER ROUTINE %s OWNER TO weir_owner', oid::regprocedure)
            FROM pg_proc
            WHERE pronamespace IN (SELECT oid FROM pg_namespace
                                   WHERE nspname IN ('public', 'report'))
              AND proowner <> 'weir_owner'::regrole
              AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass
                              AND objid = pg_proc.oid AND deptype = 'e')
        LOOP
            EXECUTE statement;
        END LOOP;
    END
    $$
    """


MADE, KEPT, REFUSED = "made", "kept", "refused"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done about one role or extension: `MADE`, `KEPT` or `REFUSED`, and why."""

    name: str
    outcome: str
    note: str = ""


async def prepare_database(admin_url: str, passwords: Mapping[Role, str]) -> list[Prepared]:
    """Make the roles, give each its password, and the database to its owner. Safe to repeat.

    `admin_url`: of the database itself, as a superuser or as a role that may make roles. A role
    that has no password here and is new cannot log in.

    Raises:
        ConfigError: the administrator may not do what cannot be left out.
        StoreUnavailableError: the database cannot be reached.
    """
    with translated():
        connection = await asyncpg.connect(admin_url, timeout=CONNECT_TIMEOUT_S)
    try:
        with translated():
            async with connection.transaction():
                await connection.execute(_LOCK)
                report = [await _make(connection, role, passwords.get(role)) for role in Role]
                await _give_to_owner(connection)
                for name, setting in _EXTENSIONS.items():
                    if await connection.fetchval(_IS_LOADED, setting):
                        report.append(await _create_extension(connection, name))
    except (asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError) as error:
        raise ConfigError(f"the administrator of the database may not do this: {error}") from error
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
    return report


def passwords_in(urls: Mapping[Role, str]) -> dict[Role, str]:
    """Take the password of each role from the address that its sessions will use.

    An address of another user has nothing to say: services may run as whom they like.

    Raises:
        ConfigError: an address has no password.
    """
    found = {}
    for role, url in urls.items():
        parts = urlsplit(url)
        if parts.username != role:
            continue
        if not parts.password:
            raise ConfigError(f"the address of {role} has no password, which it is to get")
        found[role] = unquote(parts.password)
    return found


async def _make(connection: Connection, role: Role, password: str | None) -> Prepared:
    is_new = not await connection.fetchval(_IS_THERE, role)
    notes = []
    if is_new:
        await connection.execute(f"CREATE ROLE {role} NOLOGIN")
    if password is not None:
        verifier = scram_verifier(password)
        await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{verifier}'")
    elif is_new:
        notes.append("no password was given: it cannot log in")
    if attribute := _ATTRIBUTES.get(role):
        notes += await _if_allowed(connection, f"ALTER ROLE {role} {attribute}", attribute)
    for name, value in _SETTINGS.get(role, {}).items():
        await connection.execute(f"ALTER ROLE {role} SET {name} = '{value}'")
    group = _MEMBERSHIPS.get(role)
    if group and not await connection.fetchval(_IS_MEMBER, role, group):
        notes += await _if_allowed(connection, f"GRANT {group} TO {role}", group)
    return Prepared(role, MADE if is_new else KEPT, "; ".join(notes))


async def _give_to_owner(connection: Connection) -> None:
    if not await connection.fetchval(_MAY_BE_OWNER):
        await connection.execute(f"GRANT {Role.OWNER} TO CURRENT_USER")
    database = await connection.fetchval(_DATABASE)
    await connection.execute(f"ALTER DATABASE {database} OWNER TO {Role.OWNER}")
    await connection.execute(_TAKE_OVER)


async def _create_extension(connection: Connection, name: str) -> Prepared:
    is_there = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = $1)", name
    )
    if is_there:
        return Prepared(name, KEPT)
    notes = await _if_allowed(connection, f"CREATE EXTENSION {name}", name)
    return Prepared(name, REFUSED if notes else MADE, "; ".join(notes))


async def _if_allowed(connection: Connection, statement: str, what: str) -> list[str]:
    """Run what can be done without; gives the note that says so when it is not allowed."""
    try:
        async with connection.transaction():
            await connection.execute(statement)
    except _FORBIDDEN as error:
        return [f"{what} was refused: {error}"]
    return []
