"""A primary and its read replica as `compose.yaml` runs them, but as processes on loopback.

The replica is made and started by `deploy/postgres/standby`; both get the commands of
`compose.yaml`, except for the library of TimescaleDB, which is not part of the private server.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from weir.embedded.account import server_account
from weir.embedded.ports import LOOPBACK, free_ports
from weir.embedded.postgres_cluster import SUPERUSER, find_programs, is_answering
from weir.embedded.postgres_server import PostgresServer
from weir.embedded.process import ChildProcess, ProcessSpec
from weir.paths import ROOT
from weir.postgres.roles import Role
from weir.testing.databases import as_role
from weir.testing.servers import running

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
DEPLOYED = ROOT / "deploy" / "postgres"
HBA = "/etc/postgresql/pg_hba.conf"


@dataclass
class Pair:
    """Both servers; `folder`: theirs, and whoever they run as may use it."""

    folder: Path
    primary: PostgresServer
    standby_port: int
    _stack: ExitStack
    _primary: ChildProcess | None = None

    @property
    def primary_url(self) -> str:
        """Where its superuser connects to the database."""
        return self.primary.url(SUPERUSER)

    @property
    def standby_url(self) -> str:
        """The same on the standby, which has the passwords of the primary."""
        login = urlsplit(self.primary_url).netloc.rpartition(":")[0]
        parts = urlsplit(self.primary_url)
        return parts._replace(netloc=f"{login}:{self.standby_port}").geturl()

    @property
    def data(self) -> Path:
        """The standby's copy."""
        return self.folder / "standby" / "data"

    def start_primary(self) -> None:
        """Start it, the first time and after a kill."""
        self.primary.prepare()
        spec = self.primary.server()
        options = [
            word.replace(HBA, str(self.folder / "pg_hba.conf")).replace("timescaledb,", "")
            for word in SERVICES["postgres"]["command"][1:]
        ]
        # Of several settings of one name the last counts.
        spec = replace(spec, argv=(*spec.argv, *options))
        (self._primary,) = self._stack.enter_context(running(spec, logs=self.folder))

    def kill_primary(self) -> None:
        """End it with everything below it, as a power cut would."""
        assert self._primary is not None
        self._primary.kill()

    def start_standby(self) -> None:
        """Copy and follow, as the container would; its role has to be there."""
        address = self.folder / "replication-url"
        address.write_text(as_role(self.primary_url, Role.REPLICATION))
        programs = find_programs(self.folder, self.primary.account)
        options = [
            word.replace(HBA, str(self.folder / "pg_hba.conf")).replace("timescaledb,", "")
            for word in SERVICES["postgres-replica"]["command"]
        ]
        settings = [
            f"-cport={self.standby_port}",
            f"-clisten_addresses={LOOPBACK}",
            "-cunix_socket_directories=",
            # How soon a primary that was away is asked again; 5 s otherwise.
            "-cwal_retrieve_retry_interval=200ms",
        ]
        spec = ProcessSpec(
            name="standby",
            argv=("/bin/sh", str(self.folder / "standby.sh"), *options, *settings),
            environ={
                **programs.environ,
                "PATH": f"{programs.folder / 'bin'}:/usr/bin:/bin",
                "PGDATA": str(self.data),
                "REPLICATION_URL_FILE": str(address),
            },
            cwd=self.folder,
            account=self.primary.account,
            is_ready=lambda: is_answering(self.standby_port),
        )
        self._stack.enter_context(running(spec, logs=self.folder))


@contextmanager
def open_pair(folder: Path) -> Iterator[Pair]:
    """Give a pair of which nothing is started yet; all of it ends with the block."""
    account = server_account()
    primary_port, standby_port = free_ports(2)
    place = folder / "standby"
    place.mkdir()
    shutil.copy(DEPLOYED / "standby", folder / "standby.sh")
    shutil.copy(DEPLOYED / "pg_hba.conf", folder / "pg_hba.conf")
    if account:
        account.own(place)
    primary = PostgresServer(folder / "postgres", primary_port, folder / "secrets", account)
    with ExitStack() as stack:
        yield Pair(folder, primary, standby_port, stack)
