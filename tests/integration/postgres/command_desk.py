"""Requests commands of a few devices, and lets time pass, for tests."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg

from weir.clock import Clock
from weir.command_port import SendableCommand
from weir.events.event import Author
from weir.model.announcement import Announcement
from weir.model.capabilities import Capabilities
from weir.model.command import Reply, ReplyStatus
from weir.model.command_id import RANDOM_BYTES, command_id
from weir.postgres.command_requests import (
    OnRefusal,
    Order,
    Requested,
    Target,
    request_commands,
)
from weir.postgres.commands import PostgresCommandStore
from weir.postgres.devices import PostgresDeviceStore
from weir.testing.clock import ManualClock

ADA = Author("user:ada", "c0ffee")
TTL = timedelta(hours=1)
TIMEOUT_S = 60.0
KEPT_FOR = timedelta(days=90)
NOTHING = Capabilities()


class CommandDesk:
    """Where commands are requested, on a clock of its own."""

    def __init__(self, pool: asyncpg.Pool, seed: int = 0, clock: Clock | None = None) -> None:
        self.pool = pool
        #: Moved by tests; `clock` is it, where none is given.
        self.time = ManualClock()
        self.clock: Clock = clock or self.time
        self.store = PostgresCommandStore(pool, KEPT_FOR)
        self._random = Random(seed)

    async def enrol(self, *serials: str, capabilities: Capabilities = NOTHING) -> None:
        """Let devices announce themselves."""
        for serial in serials:
            announcement = Announcement(serial, "", "", (), boot_id=1, capabilities=capabilities)
            await PostgresDeviceStore(self.pool).announce(announcement, self.clock.now())

    def new_id(self) -> str:
        """Name a command."""
        return command_id(self.clock.now(), self._random.randbytes(RANDOM_BYTES))

    def order(
        self, command: str = "ping", parameters: dict[str, Any] | None = None, ttl: timedelta = TTL
    ) -> Order:
        """Say what is to be done."""
        now = self.clock.now()
        return Order(command, parameters or {}, now, now + ttl, TIMEOUT_S)

    async def request(
        self,
        *serials: str,
        site: str | None = None,
        order: Order | None = None,
        on_refusal: OnRefusal = OnRefusal.REFUSE_ALL,
    ) -> Requested:
        """Request a command of devices, or of a site."""
        target = Target(serials, site, on_refusal)
        return await request_commands(self.pool, order or self.order(), target, self.new_id, ADA)

    async def request_one(self, serial: str, **order: Any) -> str:
        """Request a command of one device; gives its id."""
        requested = await self.request(serial, order=self.order(**order))
        return requested.commands[0][0]

    async def send(self, *ids: str) -> Sequence[SendableCommand]:
        """Take commands and note that the broker has them."""
        taken = await self.store.take_requested(ids, self.clock.now())
        await self.store.mark_sent(taken, self.clock.now(), {})
        return taken

    async def reply(self, serial: str, id_: str, status: ReplyStatus, **fields: Any) -> list[str]:
        """Let a device answer; gives the events."""
        reply = Reply(id_, status, **fields)
        return list(await self.store.note_reply(serial, reply, self.clock.now()))

    async def states(self) -> dict[str, str]:
        """Give the state of each command by its id."""
        rows = await self.pool.fetch("SELECT command_id, state FROM command")
        return {row["command_id"]: row["state"] for row in rows}

    async def events(self, id_: str) -> list[str]:
        """Name the events of a command in their order."""
        rows = await self.pool.fetch(
            "SELECT type FROM journal WHERE entity = 'command' AND entity_id = $1 "
            "ORDER BY entity_version",
            id_,
        )
        return [row["type"].removeprefix("command_") for row in rows]
