"""`iotctl database prepare` on a real server, and what it leaves for the next command."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from weir.paths import ROOT
from weir.postgres.roles import Role
from weir.testing.databases import PASSWORDS, as_role

pytestmark = pytest.mark.postgres

COMMAND_TIMEOUT_S = 120


def iotctl(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    return subprocess.run(
        [sys.executable, "-m", "weir", *map(str, arguments)],
        cwd=ROOT,
        env={**own, **environ},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


async def test_roles_get_the_passwords_of_files_and_addresses(
    database_url: str, tmp_path: Path
) -> None:
    """Others of this server's tests use these roles: what they are told is what they know."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    for role in Role:
        (secrets / f"postgres-{role}").write_text(f"{PASSWORDS[role]}\n")
    (secrets / "postgres-weir_app").unlink()

    prepared = iotctl(
        "database",
        "prepare",
        "--secrets",
        secrets,
        "-o",
        "json",
        WEIR_POSTGRES_ADMIN_URL=database_url,
        WEIR_POSTGRES_URL=as_role(database_url, Role.APP),
    )
    migrated = iotctl("migrate", WEIR_POSTGRES_OWNER_URL=as_role(database_url, Role.OWNER))

    assert (0, 0) == (prepared.returncode, migrated.returncode), prepared.stderr + migrated.stderr
    found = {row["name"]: row["password"] for row in json.loads(prepared.stdout)}
    assert "from its address" == found["weir_app"]
    assert str(secrets / "postgres-weir_readonly") == found["weir_readonly"]
    assert not any(password in prepared.stdout for password in PASSWORDS.values())
    connection = await asyncpg.connect(as_role(database_url, Role.APP))
    assert 0 == await connection.fetchval("SELECT count(*) FROM device")
    await connection.close()


def test_missing_passwords_are_generated_for_their_owner_alone(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    away = iotctl(
        "database",
        "prepare",
        "--secrets",
        secrets,
        WEIR_POSTGRES_ADMIN_URL="postgresql://admin:x@127.0.0.1:1/weir",
    )

    assert 1 == away.returncode
    assert away.stderr.startswith("error: PostgreSQL: ")
    assert {f"postgres-{role}" for role in Role} == {path.name for path in secrets.iterdir()}
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()}


@pytest.mark.parametrize("role", [Role.APP, Role.MONITORING])
def test_an_administrator_who_may_nothing_is_told_so(database_url: str, role: Role) -> None:
    variable = {Role.APP: "WEIR_POSTGRES_URL", Role.MONITORING: "WEIR_POSTGRES_MONITORING_URL"}
    address = as_role(database_url, role)
    made = iotctl(
        "database", "prepare", **{variable[role]: address}, WEIR_POSTGRES_ADMIN_URL=database_url
    )
    refused = iotctl("database", "prepare", WEIR_POSTGRES_ADMIN_URL=address)

    assert (0, 78) == (made.returncode, refused.returncode), made.stderr + refused.stderr
    assert "the administrator of the database may not do this" in refused.stderr
