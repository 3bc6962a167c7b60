"""Examines an installation from where its servers can be reached, without a gateway."""

from weir.clock import SystemClock
from weir.config import Settings, reveal
from weir.doctor.examination import Installation, examine
from weir.doctor.finding import Finding
from weir.postgres.pool import open_pool


async def examine_directly(settings: Settings) -> list[Finding]:
    """Run every check with the addresses of the settings.

    Raises:
        ConfigError: the address of the database is missing.
    """
    async with open_pool(reveal(settings.postgres.url, "WEIR_POSTGRES_URL")) as pool:
        return await examine(Installation(settings, pool, SystemClock()))
