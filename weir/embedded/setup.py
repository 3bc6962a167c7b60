"""What comes between servers and services: schema, topology, users of people and of devices.

A process of its own, so that the supervisor needs neither a database driver nor a broker's.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from weir.accounts.first_admin import FIRST_ADMIN, make_first_admin
from weir.backups import restore
from weir.bootstrap import role_passwords
from weir.clock import SystemClock
from weir.config import Settings, reveal
from weir.embedded.rabbitmq_files import VHOST
from weir.errors import WeirError
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.postgres.roles import MADE, prepare_database
from weir.rabbitmq.access import put_device_user
from weir.rabbitmq.topology import apply_topology

_REQUIRED = (
    "WEIR_POSTGRES_URL",
    "WEIR_POSTGRES_ADMIN_URL",
    "WEIR_POSTGRES_OWNER_URL",
    "WEIR_AMQP_URL",
    "WEIR_MANAGEMENT_URL",
)
CREDENTIALS_VARIABLE = "WEIR_SIMULATOR_CREDENTIALS"
#: Users that are made at a time.
CONCURRENT_COUNT = 8


def main() -> None:
    """Set the servers up, say what was done, and exit; 1 when it failed."""
    try:
        # The entry point of a process, as the commands of `cli` are.
        password = Path(sys.argv[1]).read_text(encoding="utf-8")
        backup = Path(sys.argv[2]) if len(sys.argv) > 2 else None  # noqa: PLR2004 - argv has a head
        asyncio.run(_set_up(os.environ, password, backup))
    except WeirError as error:
        sys.exit(f"error: {error}")


async def _set_up(environ: Mapping[str, str], admin_password: str, backup: Path | None) -> None:
    settings = Settings.from_env(environ, require=_REQUIRED)
    admin_url = reveal(settings.postgres.admin_url, "WEIR_POSTGRES_ADMIN_URL")
    prepared = await prepare_database(admin_url, role_passwords(settings))
    made = [each.name for each in prepared if each.outcome == MADE]
    _say(f"roles and extensions made: {', '.join(made) or 'none, they are there'}")
    if backup:
        restored = await restore(settings, backup, is_broker_new=True, report=lambda _: None)
        rows = sum(table.row_count for table in restored.tables)
        _say(f"restored {backup}: {rows} rows, every checksum as it was")
    applied = await migrate(reveal(settings.postgres.owner_url, "WEIR_POSTGRES_OWNER_URL"))
    _say(f"migrations applied: {', '.join(applied) or 'none, the schema is up to date'}")
    async with open_pool(reveal(settings.postgres.url, "WEIR_POSTGRES_URL")) as pool:
        if await make_first_admin(pool, admin_password, SystemClock().now()):
            _say(f"first administrator made: {FIRST_ADMIN}")
    amqp_url = reveal(settings.amqp.url, "WEIR_AMQP_URL")
    declared = await apply_topology(amqp_url, settings.partition.count)
    _say(f"topology declared: {len(declared)} exchanges, queues and streams")
    passwords = _simulated_devices(environ.get(CREDENTIALS_VARIABLE, ""))
    await _put_users(reveal(settings.management.url, "WEIR_MANAGEMENT_URL"), passwords)
    _say(f"simulated devices known to the broker: {len(passwords)}")


async def _put_users(management_url: str, passwords: Mapping[str, str]) -> None:
    free = asyncio.Semaphore(CONCURRENT_COUNT)

    async def put(serial: str, password: str) -> None:
        async with free:
            await put_device_user(management_url, VHOST, serial, password)

    async with asyncio.TaskGroup() as tasks:
        for serial, password in passwords.items():
            tasks.create_task(put(serial, password))


def _simulated_devices(path: str) -> dict[str, str]:
    if not path or not Path(path).exists():
        return {}
    passwords: dict[str, str] = json.loads(Path(path).read_text(encoding="utf-8"))
    return passwords


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
