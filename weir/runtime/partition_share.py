"""Share the partitions of a consumer among its workers, and run those that are ours."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from weir.errors import StoreUnavailableError
from weir.runtime.outage import Outage

log = structlog.get_logger()

#: How often a worker looks for partitions that nobody has. A killed worker's locks are free at
#: once, so this is about the time until another takes over.
CLAIM_INTERVAL_S = 1.0
#: How often a projection is told to stop that has not stopped.
CANCEL_INTERVAL_S = 5.0


class Claims(Protocol):
    """The claims of one worker on partitions."""

    async def try_claim(self, stream: str) -> bool:
        """Claim a partition, unless another worker has it."""
        ...

    async def release(self, stream: str) -> None:
        """Give a partition back."""
        ...

    async def count_workers(self) -> int:
        """Count the workers, this one included."""
        ...


OpenClaims = Callable[[], AbstractAsyncContextManager[Claims]]
Project = Callable[[str], Coroutine[None, None, None]]


def fair_share(partition_count: int, worker_count: int) -> int:
    """Tell how many partitions one worker may hold, so that all are held and none starves."""
    return -(-partition_count // max(1, worker_count))


class PartitionShare:
    """Claims a fair share of `streams` and runs `project(stream)` for each, until cancelled."""

    def __init__(self, streams: Sequence[str], open_claims: OpenClaims, project: Project) -> None:
        self._streams = streams
        self._open_claims = open_claims
        self._project = project
        self._running: dict[str, asyncio.Task[None]] = {}
        self._outage = Outage()

    async def run(self) -> None:
        """Hold and project partitions; without the database, hold none and wait."""
        while True:
            try:
                async with self._open_claims() as claims:
                    self._outage.over()
                    try:
                        await self._balance(claims)
                    finally:
                        await self._stop(list(self._running))
            except StoreUnavailableError as error:
                await self._outage.wait(error)

    async def _balance(self, claims: Claims) -> None:
        while True:
            share = fair_share(len(self._streams), await claims.count_workers())
            for stream in list(self._running)[share:]:
                await self._stop([stream])
                await claims.release(stream)
                log.info("partition_released", partition=stream)
            for stream in self._streams:
                if len(self._running) >= share:
                    break
                if stream not in self._running and await claims.try_claim(stream):
                    log.info("partition_claimed", partition=stream)
                    self._running[stream] = asyncio.create_task(self._project(stream))
            await self._watch()

    async def _watch(self) -> None:
        """Wait an interval; a projection that ended by itself has failed, and so has the worker."""
        if not self._running:
            await asyncio.sleep(CLAIM_INTERVAL_S)
            return
        done, _ = await asyncio.wait(
            self._running.values(), timeout=CLAIM_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            if task.cancelled() or task.exception() is None:
                # Nobody would read its partition while the process looks well.
                raise RuntimeError("a projection ended, and nobody had told it to")
            task.result()

    async def _stop(self, streams: Sequence[str]) -> None:
        tasks = {self._running.pop(stream) for stream in streams}
        # A library that swallows a cancellation must not keep us from our partitions for ever.
        while tasks:
            for task in tasks:
                task.cancel()
            stopped, tasks = await asyncio.wait(tasks, timeout=CANCEL_INTERVAL_S)
            # How one that nobody wants any more has ended is of no interest, but must be asked.
            await asyncio.gather(*stopped, return_exceptions=True)
