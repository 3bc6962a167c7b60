"""What each role may, and what it may not: in a database that all of them exist for."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import asyncpg
import pytest

from weir.errors import ConfigError
from weir.postgres import replay_schema
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.postgres.retention.partitions import open_partitions
from weir.postgres.roles import KEPT, MADE, Role, passwords_in, prepare_database
from weir.postgres.schema import make_partitions_ahead, require_schema
from weir.testing.databases import PASSWORDS, as_role, open_database

pytestmark = pytest.mark.postgres

TODAY = date(2031, 5, 4)
REFUSED = (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidAuthorizationSpecificationError)


@pytest.fixture(
    scope="module", params=["plain", pytest.param("timescaledb", marks=pytest.mark.newest)]
)
def admin_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database that was made as `iotctl up` and containers make it, for all of these."""
    server_url = os.environ.get("WEIR_NEWEST_POSTGRES_URL")
    if request.param == "plain":
        server_url = request.getfixturevalue("postgres_url")
    if not server_url:
        pytest.skip("WEIR_NEWEST_POSTGRES_URL is not set")
    with asyncio.Runner() as runner:
        database = open_database(server_url, f"test_{secrets.token_hex(6)}")
        url = runner.run(database.__aenter__())
        try:
            runner.run(prepare_database(url, PASSWORDS))
            runner.run(migrate(as_role(url, Role.OWNER)))
            yield url
        finally:
            runner.run(database.__aexit__(None, None, None))


@asynccontextmanager
async def session(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


#: With the names of their schema: where a role sees none, a name alone is merely unknown.
#: Read-only sessions are only a default: what is refused here is refused after this too.
READ_WRITE = "SET default_transaction_read_only = off"
NOBODY_BUT_THE_OWNER_MAY = [
    "CREATE TABLE public.mine (a integer)",
    "CREATE SCHEMA mine",
    "ALTER TABLE public.device ADD COLUMN mine integer",
    "DROP TABLE public.device CASCADE",
    "TRUNCATE public.reading",
    "ALTER TABLE public.reading OWNER TO CURRENT_USER",
    "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW report.mine AS SELECT 1",
    "DROP SCHEMA report CASCADE",
    "UPDATE public.migration SET checksum = ''",
    "INSERT INTO public.migration (name, checksum) VALUES ('9999', '')",
    "DELETE FROM public.role_grant",
    "UPDATE public.journal SET actor = 'somebody else'",
    "DELETE FROM public.journal",
    "CREATE EXTENSION hstore SCHEMA public",
    "CREATE ROLE mine",
    "ALTER ROLE weir_owner PASSWORD 'x'",
    "SET ROLE weir_owner",
    "COPY public.device TO PROGRAM 'cat'",
    "SELECT pg_read_file('postgresql.conf')",
    "SET log_statement = 'none'",
]
NOBODY_BUT_SERVICES_MAY = [
    "CREATE TEMPORARY TABLE mine (a integer)",
    "INSERT INTO public.device_activity VALUES (1, now(), now())",
    "UPDATE public.device SET model = ''",
    "DELETE FROM public.reading",
    "SELECT * FROM public.device",
    "SELECT * FROM public.reading",
    "SELECT password_hash FROM public.user_account",
    "SELECT token_hash FROM public.api_token",
    "SELECT secret FROM public.signing_key",
    "SELECT body FROM public.dead_letter",
    "SELECT data FROM public.journal",
    "SELECT nextval('public.device_device_id_seq')",
    "LOCK TABLE public.reading IN ACCESS EXCLUSIVE MODE",
    "SELECT public.ensure_reading_partitions('2031-01-01', '2031-01-01')",
    "SELECT public.drop_partition('reading', 'reading_20310504', '2031-05-04', '2031-05-05')",
]


@pytest.mark.parametrize("role", [Role.APP, Role.READONLY, Role.MONITORING])
async def test_a_role_may_not_do_what_its_work_does_not_need(admin_url: str, role: Role) -> None:
    statements = list(NOBODY_BUT_THE_OWNER_MAY)
    if role is not Role.APP:
        statements += NOBODY_BUT_SERVICES_MAY
    allowed = []
    async with session(as_role(admin_url, role)) as connection:
        await connection.execute(READ_WRITE)
        for statement in statements:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(statement)
            except REFUSED:
                pass
            else:
                allowed.append(statement)
            finally:
                await transaction.rollback()
    assert [] == allowed


async def test_monitoring_sees_no_report(admin_url: str) -> None:
    async with session(as_role(admin_url, Role.MONITORING)) as connection:
        with pytest.raises(REFUSED):
            await connection.execute("SELECT * FROM report.device")


async def test_the_owner_is_no_superuser(admin_url: str) -> None:
    async with session(as_role(admin_url, Role.OWNER)) as connection:
        for statement in ("CREATE ROLE mine", "CREATE DATABASE mine", "SELECT * FROM pg_authid"):
            with pytest.raises(REFUSED):
                await connection.execute(statement)


async def test_replication_cannot_even_connect_to_the_database(admin_url: str) -> None:
    with pytest.raises(REFUSED):
        await asyncpg.connect(as_role(admin_url, Role.REPLICATION))


async def test_the_application_makes_uses_and_drops_partitions(admin_url: str) -> None:
    app_url = as_role(admin_url, Role.APP)
    await require_schema(app_url)
    instant = datetime(2031, 5, 4, 12, tzinfo=UTC)
    async with open_pool(app_url) as pool:
        await make_partitions_ahead(pool, TODAY)
        for statement in (
            "INSERT INTO reading VALUES (1, $1, 1.5)",
            "UPDATE reading SET value = 2 WHERE observed_at = $1",
        ):
            await pool.execute(statement, instant)
        partitions = await open_partitions(pool)
        (partition,) = (
            each
            for each in await partitions.find(pool, "reading")
            if each.since <= instant < each.until
        )
        async with pool.acquire() as connection, connection.transaction():
            await partitions.lock(connection, partition)
            await partitions.drop(connection, partition)
        assert 0 == await pool.fetchval("SELECT count(*) FROM reading")


async def test_a_replay_beside_the_live_tables_says_whom_it_needs(admin_url: str) -> None:
    async with open_pool(as_role(admin_url, Role.APP)) as pool:
        with pytest.raises(ConfigError, match="WEIR_POSTGRES_OWNER_URL"):
            await replay_schema.create(pool, "rebuilt")


async def test_what_makes_tables_at_run_time_runs_as_the_owner(admin_url: str) -> None:
    async with session(admin_url) as connection:
        found = await connection.fetch(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            r" AND prosrc ~* '\m(CREATE|ALTER|DROP)\s+TABLE\M' AND NOT prosecdef"
        )
    assert [] == [row["proname"] for row in found]


async def test_the_days_of_device_logs_are_made_and_dropped(admin_url: str) -> None:
    async with session(as_role(admin_url, Role.APP)) as connection:
        days = [TODAY, date(2031, 5, 5)]
        assert 2 == await connection.fetchval("SELECT ensure_device_log_partitions($1)", days)
        await connection.execute(
            "SELECT drop_partition('device_log', 'device_log_20310504', '-infinity', 'infinity')"
        )
        assert await connection.fetchval("SELECT to_regclass('device_log_20310504')") is None


@pytest.mark.parametrize(
    ("table", "partition"),
    [
        ("device", "device"),
        ("reading", "device"),
        ("reading", "reading"),
        ("reading", "reading_default"),
        ("reading", "rollup_minute_default"),
        ("reading", "no_such_table"),
        ("journal", "journal"),
        ("device_log", "device"),
    ],
)
async def test_only_a_partition_is_dropped(admin_url: str, table: str, partition: str) -> None:
    async with session(as_role(admin_url, Role.APP)) as connection:
        if table == "reading" and await connection.fetchval("SELECT storage_mode()") != "plain":
            pytest.skip("TimescaleDB finds its chunks by their bounds")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="may be dropped"):
            await connection.execute(
                "SELECT drop_partition($1, $2, '2031-01-01', '2031-01-02')", table, partition
            )


async def test_the_readonly_role_has_a_time_limit_and_writes_nothing(admin_url: str) -> None:
    async with session(as_role(admin_url, Role.READONLY)) as connection:
        assert "on" == await connection.fetchval("SHOW transaction_read_only")
        assert "30s" == await connection.fetchval("SHOW statement_timeout")


async def test_the_monitoring_role_sees_what_others_do(admin_url: str) -> None:
    async with session(as_role(admin_url, Role.APP)) as watched:
        pid = await watched.fetchval("SELECT pg_backend_pid()")
        async with session(as_role(admin_url, Role.MONITORING)) as connection:
            query = await connection.fetchval(
                "SELECT query FROM pg_stat_activity WHERE pid = $1", pid
            )
            assert "SELECT pg_backend_pid()" == query
            assert 0 < await connection.fetchval("SELECT pg_database_size(current_database())")


async def test_a_stranger_gets_nothing(admin_url: str) -> None:
    name = f"stranger_{secrets.token_hex(4)}"
    async with session(admin_url) as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'stranger'")
        try:
            with pytest.raises(REFUSED):
                await asyncpg.connect(admin_url, user=name, password="stranger")  # noqa: S106
            assert not await admin.fetchval(
                "SELECT has_schema_privilege($1, 'public', 'USAGE')", name
            )
        finally:
            await admin.execute(f"DROP ROLE {name}")


async def test_a_database_that_another_role_made_is_taken_over(postgres_url: str) -> None:
    """Installations from before there were roles belong to one that is called otherwise."""
    async with open_database(postgres_url, f"test_{secrets.token_hex(6)}") as url:
        await migrate(url)
        async with open_pool(url) as pool:
            await make_partitions_ahead(pool, TODAY)

        again = await prepare_database(url, PASSWORDS)
        owner_url = as_role(url, Role.OWNER)
        assert [] == await migrate(owner_url)

        assert {KEPT, MADE} >= {each.outcome for each in again}
        async with open_pool(owner_url) as pool:
            left = await pool.fetchval(
                "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relowner <> 'weir_owner'::regrole AND NOT EXISTS (SELECT FROM pg_depend"
                " WHERE objid = pg_class.oid AND deptype = 'e')"
            )
            assert 0 == left
        async with open_pool(as_role(url, Role.APP)) as pool:
            assert 0 == await make_partitions_ahead(pool, TODAY)
            await pool.execute("INSERT INTO reading VALUES (1, '2031-05-04', 1)")


def test_passwords_come_from_the_addresses() -> None:
    urls = {
        Role.APP: "postgresql://weir_app:a%2Fb@db/weir",
        Role.READONLY: "postgresql://somebody:else@db/weir",
    }
    assert {Role.APP: "a/b"} == passwords_in(urls)
    with pytest.raises(ConfigError, match="weir_app has no password"):
        passwords_in({Role.APP: "postgresql://weir_app@db/weir"})
