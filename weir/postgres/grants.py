"""Who may what in the database: given by its owner after the migrations, to the roles that exist.

| role | may |
| --- | --- |
| `weir_owner` | everything in this database; migrations and replays beside the live tables |
| `weir_app` | read and write rows; the journal only grows; no table is its own |
| `weir_readonly` | read the views of the schema `report`, where nothing is secret |
| `weir_monitoring` | PostgreSQL's own statistics, and how far the rollups are; no rows |
| `weir_replication` | stream the whole server's changes; it cannot even connect to this database |
"""

import hashlib

from weir.postgres.pool import Connection
from weir.postgres.roles import Role

#: Nobody gets anything by merely being there. Functions of extensions stay as they were brought.
_REVOKE = """
    DO $$
    DECLARE
        routine regprocedure;
    BEGIN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
        FOR routine IN
            SELECT oid FROM pg_proc
            WHERE pronamespace IN (SELECT oid FROM pg_namespace
                                   WHERE nspname IN ('public', 'report'))
              AND pg_has_role(current_user, proowner, 'USAGE')
              AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass
                              AND objid = pg_proc.oid AND deptype = 'e')
        LOOP
            EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', routine);
            IF to_regrole('weir_app') IS NOT NULL
               AND 'public'::regnamespace =
                   (SELECT pronamespace FROM pg_proc WHERE oid = routine::oid)
            THEN
                EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO weir_app', routine);
            END IF;
        END LOOP;
    END
    $$;
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
    """
_GRANTS = {
    Role.APP: """
        GRANT CONNECT, TEMPORARY ON DATABASE {database} TO weir_app;
        GRANT USAGE ON SCHEMA public TO weir_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO weir_app;
        GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO weir_app;
        REVOKE UPDATE, DELETE ON journal FROM weir_app;
        REVOKE INSERT, UPDATE, DELETE ON migration, role_grant FROM weir_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO weir_app;
        """,
    Role.READONLY: """
        GRANT CONNECT ON DATABASE {database} TO weir_readonly;
        """,
    Role.MONITORING: """
        GRANT CONNECT ON DATABASE {database} TO weir_monitoring;
        GRANT USAGE ON SCHEMA public TO weir_monitoring;
        """,
}
_REPORT = """
    GRANT USAGE ON SCHEMA report TO weir_readonly;
    GRANT SELECT ON ALL TABLES IN SCHEMA report TO weir_readonly;
    GRANT EXECUTE ON ALL ROUTINES IN SCHEMA report TO weir_readonly;
    """
_HAS_LEDGER = "SELECT to_regclass('public.role_grant') IS NOT NULL"
_ROLES = "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) ORDER BY 1"
#: Who owns what counts too: a grant of one who owned before is gone with the ownership.
_OWNER = (
    "SELECT tableowner::text FROM pg_tables WHERE tablename = 'journal' AND schemaname = 'public'"
)
_NEWEST = "SELECT max(name) FROM migration"
_LAST = "SELECT checksum FROM role_grant"
_NOTE = """
    INSERT INTO role_grant (checksum) VALUES ($1)
    ON CONFLICT (is_only) DO UPDATE SET checksum = excluded.checksum, granted_at = now()
    """


async def give_grants(connection: Connection) -> bool:
    """Give every role that exists what it may; False when that was done already.

    The caller owns the tables, or is a superuser, and runs migrations, one at a time.
    """
    if not await connection.fetchval(_HAS_LEDGER):
        return False
    roles = [row["rolname"] for row in await connection.fetch(_ROLES, list(Role))]
    owner = await connection.fetchval(_OWNER)
    newest = await connection.fetchval(_NEWEST)
    statements = [_REVOKE, *(text for role, text in _GRANTS.items() if role in roles)]
    if Role.READONLY in roles:
        statements.append(_REPORT)
    facts = "\n".join((*statements, *roles, owner, newest))
    checksum = hashlib.sha256(facts.encode()).hexdigest()
    if await connection.fetchval(_LAST) == checksum:
        return False
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    async with connection.transaction():
        for statement in statements:
            await connection.execute(statement.replace("{database}", database))
        await connection.execute(_NOTE, checksum)
    return True
