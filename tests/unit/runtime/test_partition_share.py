"""How many partitions one worker may hold, and that it can let go of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from weir.errors import StoreUnavailableError
from weir.runtime import partition_share
from weir.runtime.partition_share import PartitionShare, Project, fair_share
from weir.testing.conditions import eventually
from weir.testing.running import running

STREAM = "work.0"


@pytest.mark.parametrize(
    ("partitions", "workers", "share"), [(1, 1, 1), (3, 1, 3), (3, 2, 2), (4, 2, 2), (2, 5, 1)]
)
def test_shares_cover_all_partitions_and_starve_nobody(
    partitions: int, workers: int, share: int
) -> None:
    assert share == fair_share(partitions, workers)


class Claims:
    """Grants everything, until it is told to be lost."""

    def __init__(self) -> None:
        self.is_lost = False

    async def try_claim(self, stream: str) -> bool:
        return stream == STREAM

    async def release(self, stream: str) -> None:
        raise AssertionError(f"{stream} was released")

    async def count_workers(self) -> int:
        if self.is_lost:
            raise StoreUnavailableError("lost")
        return 1


@asynccontextmanager
async def granted() -> AsyncIterator[Claims]:
    yield Claims()


async def end_at_once(stream: str) -> None:
    assert stream == STREAM


async def cancel_itself(stream: str) -> None:
    raise asyncio.CancelledError(stream)


@pytest.mark.parametrize("project", [end_at_once, cancel_itself])
async def test_a_partition_that_nobody_reads_any_more_is_an_error(project: Project) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(RuntimeError, match="nobody had told it"):
            await PartitionShare([STREAM], granted, project).run()


async def test_a_projection_that_swallows_a_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partition_share, "CLAIM_INTERVAL_S", 0.01)
    monkeypatch.setattr(partition_share, "CANCEL_INTERVAL_S", 0.01)
    opened: list[Claims] = []
    started: list[str] = []

    @asynccontextmanager
    async def open_claims() -> AsyncIterator[Claims]:
        opened.append(Claims())
        yield opened[-1]

    async def project(stream: str) -> None:
        started.append(stream)
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async with running(PartitionShare([STREAM], open_claims, project).run()):
        await eventually(lambda: len(started) == 1)
        opened[0].is_lost = True
        await eventually(lambda: len(started) == 2)
