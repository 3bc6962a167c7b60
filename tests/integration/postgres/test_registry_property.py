"""Whatever is done to devices, series and sites: the tables are what the journal adds up to."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random

import asyncpg
import pytest

from weir.errors import (
    ConflictError,
    HeldBackError,
    NotFoundError,
    RefusedItemsError,
    RejectedByStoreError,
)
from weir.events import series, site
from weir.events.configuration import Desire
from weir.events.device_commands import (
    Approve,
    Command,
    Delete,
    Disable,
    Enable,
    Move,
    Rename,
    Undelete,
)
from weir.events.event import Author
from weir.model.announcement import Announcement, FieldDescription, Kind
from weir.model.capabilities import Capabilities, CommandDescription
from weir.model.configuration import ReportedConfiguration, StateReport, hash_of
from weir.model.presence import Patience, Watch
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres.configurations import PostgresConfigurationStore, change_configuration
from weir.postgres.device_changes import change_device
from weir.postgres.devices import PostgresDeviceStore, resolve_series
from weir.postgres.enrolment import Admission
from weir.postgres.journal_rebuild import Comparison, rebuild_registry
from weir.postgres.presence import PostgresPresenceStore
from weir.postgres.series_admin import change_series
from weir.postgres.sites import SiteName, change_site, create_site, remove_site

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

AT = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
ADA = Author("user:ada", "c0ffee")
SERIALS = ("pump-1", "pump-2", "crane-7")
FIELDS = ("pressure", "energy", "a/b.c")
CAPABILITIES = (
    Capabilities(),
    Capabilities((CommandDescription("purge", "", {"type": "object"}),), ("a",), {}, 1_000),
)
PATIENCE = Patience(timedelta(minutes=5), timedelta(), timedelta())
SLUGS = ("harbour", "airport", "unassigned")
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Mars/Olympus")
#: What the domain refuses, and rightly so.
REFUSALS = (
    ConflictError,
    NotFoundError,
    RejectedByStoreError,
    HeldBackError,
    RefusedItemsError,
)
STEP_COUNT = 120


class World:
    """Somebody who does something at random, some of it impossible."""

    def __init__(self, pool: asyncpg.Pool, seed: int) -> None:
        self.pool = pool
        self.random = Random(seed)
        self.refused_count = 0
        self.minute = 0
        self._configurations = PostgresConfigurationStore(pool)
        self._presence = PostgresPresenceStore(pool, PATIENCE)
        self._store = PostgresDeviceStore(pool, needs_approval=seed % 2 == 0)
        self._actions: list[Callable[[], Awaitable[object]]] = [
            self.announce,
            self.measure,
            self.wait_for_approval,
            self.command,
            self.command,
            self.report,
            self.configure,
            self.run_something,
            self.search,
            self.set_series,
            self.create_site,
            self.change_site,
            self.remove_site,
        ]

    async def act(self, count: int) -> None:
        for _ in range(count):
            try:
                await self.random.choice(self._actions)()
            except REFUSALS:
                self.refused_count += 1

    async def announce(self) -> None:
        fields = self.random.sample(FIELDS, self.random.randint(0, len(FIELDS)))
        announcement = Announcement(
            self.serial(),
            self.random.choice(("", "P-100")),
            self.random.choice(("1.0", "1.1")),
            tuple(self.field(name) for name in fields),
            sample_rate_hz=self.random.choice((0.0, 10.0)),
            boot_id=self.random.randint(0, 3),
            capabilities=self.random.choice(CAPABILITIES),
        )
        await self._store.announce(announcement, AT)

    async def measure(self) -> None:
        await resolve_series(
            self.pool, [(self.serial(), self.random.choice(FIELDS), self.unit()) for _ in range(2)]
        )

    async def wait_for_approval(self) -> None:
        await Admission(self.pool, needs_approval=True).check([self.serial()])

    async def command(self) -> None:
        commands: list[Command] = [
            Approve(),
            Disable(),
            Enable(),
            Delete(),
            Undelete(),
            Rename(self.random.choice(("", "the pump", "Kran 7 \N{SNOWMAN}"))),
            Move(DEFAULT_ORGANISATION, self.random.choice((*SLUGS, "nowhere"))),
        ]
        chosen = self.random.sample(commands, 2)
        await change_device(self.pool, self.serial(), chosen, ADA)

    async def report(self) -> None:
        self.minute += 1
        report = StateReport(self.random.choice((True, False, None)))
        await self._presence.note_state(self.serial(), report, self.now)

    async def configure(self) -> None:
        document = {"rate": self.random.randint(0, 3)}
        await change_configuration(self.pool, self.serial(), lambda _: Desire(document), ADA)

    async def run_something(self) -> None:
        document = {"rate": self.random.randint(0, 3)}
        version = self.random.randint(0, 3)
        reported = ReportedConfiguration(
            version,
            hash_of(document),
            None if version else document,
            self.random.randint(0, 3),
            self.random.choice(("", "no")),
        )
        await self._configurations.note_report(self.serial(), reported, self.now)

    async def search(self) -> None:
        self.minute += self.random.choice((0, 1, 10))
        await self._presence.find_come(self.now)
        await self._presence.find_left(Watch(AT, self.now))

    @property
    def now(self) -> datetime:
        return AT + timedelta(minutes=self.minute)

    async def set_series(self) -> None:
        settings = series.Settings(
            unit=self.random.choice((None, "W", "")),
            description=self.random.choice((None, "at the outlet")),
            kind=self.random.choice((None, *Kind)),
            series_class=self.random.choice((None, "billing", "")),
        )
        restored = frozenset(self.random.sample(series.SETTABLE, self.random.randint(0, 2)))
        name = (self.serial(), self.random.choice(FIELDS))
        await change_series(self.pool, name, series.Change(settings, restored), ADA)

    async def create_site(self) -> None:
        await create_site(self.pool, self.site(), "A site", self.random.choice(ZONES), ADA)

    async def change_site(self) -> None:
        change = site.Change(
            self.random.choice((None, "Harbour")), self.random.choice((None, *ZONES))
        )
        await change_site(self.pool, self.site(), change, ADA)

    async def remove_site(self) -> None:
        await remove_site(self.pool, self.site(), ADA)

    def serial(self) -> str:
        return self.random.choice(SERIALS)

    def unit(self) -> str:
        return self.random.choice(("", "bar", "kW.h"))

    def site(self) -> SiteName:
        return SiteName(self.random.choice(SLUGS))

    def field(self, name: str) -> FieldDescription:
        return FieldDescription(
            name, self.unit(), self.random.choice(("", "told")), self.random.choice(list(Kind))
        )


def assert_equal(found: list[Comparison]) -> None:
    assert [] == [difference for comparison in found for difference in comparison.differences]
    assert [comparison.live_count for comparison in found] == [
        comparison.rebuilt_count for comparison in found
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_the_tables_are_what_the_journal_adds_up_to(pool: asyncpg.Pool, seed: int) -> None:
    world = World(pool, seed)
    for _ in range(4):
        await world.act(STEP_COUNT // 4)
        assert_equal(await rebuild_registry(pool))

    assert 0 < world.refused_count < STEP_COUNT


@pytest.mark.parametrize("seed", range(2))
async def test_the_same_holds_when_many_do_so_at_once(pool: asyncpg.Pool, seed: int) -> None:
    worlds = [World(pool, 100 * seed + number) for number in range(5)]

    await asyncio.gather(*(world.act(40) for world in worlds))

    assert_equal(await rebuild_registry(pool))
    holes = await pool.fetch(
        "SELECT entity, entity_id FROM journal GROUP BY 1, 2 HAVING max(entity_version) <> count(*)"
    )
    assert [] == holes
