"""A pair of servers with everything that dashboards show, for tests that leave it as it was."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.integration.grafana.estate import furnish
from tests.integration.standby.pair import Pair, open_pair
from weir.postgres.migrate import migrate
from weir.postgres.roles import Role
from weir.testing.databases import as_role, make_roles


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with _started() as pair:
        asyncio.run(_furnish(as_role(pair.primary_url, Role.OWNER)))
        pair.start_standby()
        yield pair


@pytest.fixture
def own_pair() -> Iterator[Pair]:
    """For a test after which the pair is none any more; migrated, and empty."""
    with _started() as pair:
        pair.start_standby()
        yield pair


@contextmanager
def _started() -> Iterator[Pair]:
    # Not pytest's own folder: that is closed to the account that servers run as.
    folder = Path(tempfile.mkdtemp(prefix="weir-test-"))
    folder.chmod(0o755)
    try:
        with open_pair(folder) as pair:
            pair.start_primary()
            asyncio.run(_migrate(pair.primary_url))
            yield pair
    finally:
        shutil.rmtree(folder)


async def _migrate(url: str) -> None:
    await make_roles(url)
    await migrate(as_role(url, Role.OWNER))


async def _furnish(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await furnish(connection)
    finally:
        await connection.close()
