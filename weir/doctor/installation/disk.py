"""Whether the broker has disk left before it stops taking messages, and what the database takes."""

from collections.abc import Sequence

from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, ok, skipped, warning
from weir.postgres.queries.doctor import read_database_size
from weir.rabbitmq.inspection import read_disks

#: Times the limit below which the broker stops: RabbitMQ's own default is 50 MB.
FREE_FACTOR = 4
#: And never less than this.
FREE_BYTES_MIN = 2 * 1024**3
_REMEDY = "free disk on the broker's machine, or keep less: iotctl storage retain"


async def check(installation: Installation) -> Sequence[Finding]:
    """Ask the broker how much is free; PostgreSQL does not know it of its own disk."""
    size_bytes = await read_database_size(installation.pool)
    database = ok("PostgreSQL", f"the database takes {size_bytes / 1024**2:,.0f} MiB")
    url = installation.settings.management.url
    if url is None:
        unseen = "RabbitMQ tells its disk only where WEIR_MANAGEMENT_URL is set"
        return [database, skipped("RabbitMQ", unseen)]
    found = [database]
    for disk in await read_disks(url.get_secret_value()):
        told = f"{disk.free_bytes / 1024**3:.1f} GiB are free where {disk.node} keeps its data"
        is_low = disk.free_bytes < max(FREE_FACTOR * disk.limit_bytes, FREE_BYTES_MIN)
        found.append(warning("RabbitMQ", told, _REMEDY) if is_low else ok("RabbitMQ", told))
    return found
