"""The database is migrated for the next version while services of this one are at work."""

import asyncio
import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.links import open_link
from tests.e2e.test_writer import STORE_TIMEOUT_S, Site, publish_until, site
from weir.paths import MIGRATIONS
from weir.postgres.migrate import migrate
from weir.rabbitmq.topology import apply_topology
from weir.testing.conditions import eventually
from weir.testing.servers import running

__all__ = ["site"]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.rabbitmq,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

#: What migrations do to tables in use, with the locks held for longer than it takes: columns that
#: this version does not know, an index, a function anew.
NEXT = """
    ALTER TABLE stream_offset ADD COLUMN note text;
    ALTER TABLE reading ADD COLUMN note text;
    ALTER TABLE series ADD COLUMN note text NOT NULL DEFAULT '';
    ALTER TABLE device ADD COLUMN note text;
    CREATE INDEX ON dead_letter (reason, consumer);
    SELECT pg_sleep(2);
    """
NEXT_NAME = "9999_pre_next"


async def test_a_migration_under_a_running_writer_loses_and_doubles_nothing(
    site: Site, tmp_path: Path
) -> None:
    migrations = tmp_path / "sql"
    shutil.copytree(MIGRATIONS, migrations)
    (migrations / f"{NEXT_NAME}.sql").write_text(NEXT, encoding="utf-8")
    await apply_topology(site.broker.amqp_url, 2)
    is_enough = asyncio.Event()
    running_before, started_after = (site.writer(number, partition_count=2) for number in (1, 2))
    async with open_link(site.broker.amqp_url, "test") as link:
        with running(running_before, logs=site.logs) as (process,):
            publishing = asyncio.create_task(publish_until(is_enough, link))
            await eventually(partial(site.has_stored, 100), STORE_TIMEOUT_S)
            assert [NEXT_NAME] == await migrate(site.database_url, migrations)
            before = await site.checkpoints()
            await eventually(partial(site.all_moved, before), STORE_TIMEOUT_S)
            assert process.exit_code is None
            process.stop(STORE_TIMEOUT_S)
        # One of this version can also be started again: a release can be taken back.
        with running(started_after, logs=site.logs) as (process,):
            before = await site.checkpoints()
            await eventually(partial(site.all_moved, before), STORE_TIMEOUT_S)
            is_enough.set()
            published_count = await publishing
            await eventually(partial(site.has_read, published_count), STORE_TIMEOUT_S)
            assert process.exit_code is None

    assert published_count == await site.pool.fetchval("SELECT count(*) FROM reading")
    assert 0 == await site.pool.fetchval("SELECT count(*) FROM dead_letter")
    log = (site.logs / "writer-2.log").read_text()
    assert f'"newest": "{NEXT_NAME}"' in log
    assert "schema_newer_found" in log
