"""`iotctl login` and what follows from it, in front of a gateway of its own."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cli._contexts import Login, changing_contexts, contexts_file, read_contexts
from tests.integration.gateway.test_server import COMMAND_TIMEOUT_S, Gateway
from weir.embedded.ports import free_ports
from weir.paths import ROOT

pytestmark = pytest.mark.postgres

LONG_AGO = "2026-01-01T00:00:00.000000Z"
ADMIN = "boss"
GARBAGE = "a.b.c"


@dataclass(frozen=True)
class Person:
    """Somebody with a folder of their own for contexts."""

    home: Path
    database_url: str

    def iotctl(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "weir", *arguments],
            cwd=ROOT,
            env={
                "HOME": str(self.home),
                "WEIR_DATA": str(self.home),
                "WEIR_POSTGRES_URL": self.database_url,
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )

    @property
    def file(self) -> Path:
        return contexts_file({"XDG_CONFIG_HOME": str(self.home / ".config")})

    @property
    def login(self) -> Login:
        login = read_contexts(self.file).find("lab").login
        assert login
        return login

    def age(self, **members: str) -> None:
        """Let the access token be over, and whatever else is given be so."""
        aged = replace(self.login, access_ends_at=LONG_AGO, **members)
        with changing_contexts(self.file) as contexts:
            contexts.log_in("lab", aged)


@pytest.fixture
async def person(migrated_database_url: str, tmp_path: Path) -> AsyncIterator[Person]:
    """Give somebody who has logged in to the gateway `lab` as its administrator."""
    (port,) = free_ports(1)
    gateway = Gateway(migrated_database_url, port, tmp_path / "gateway.log")
    person = Person(tmp_path, migrated_database_url)
    with gateway.running():
        await gateway.answers("/readyz", 200)
        password = person.iotctl("users", "create-admin", ADMIN).stdout
        person.iotctl("context", "add", "lab", gateway.url)
        result = person.iotctl("login", "--user", ADMIN, "--password-stdin", stdin=password)
        assert result.returncode == 0, result.stderr
        yield person


def test_a_login_is_kept_and_refreshed_by_itself(person: Person) -> None:
    first = person.login
    assert "user:boss" in person.iotctl("whoami").stdout
    assert first == person.login

    person.age()

    assert json.loads(person.iotctl("whoami", "-o", "json").stdout)["user"] == ADMIN
    assert first.refresh_token != person.login.refresh_token


def test_commands_at_once_refresh_once(person: Person) -> None:
    person.age()

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: person.iotctl("whoami"), range(4)))

    assert [0] * 4 == [result.returncode for result in results], results


def test_an_access_token_that_the_gateway_no_longer_takes_is_replaced(person: Person) -> None:
    with changing_contexts(person.file) as contexts:
        contexts.log_in("lab", replace(person.login, access_token=GARBAGE))

    assert person.iotctl("whoami").returncode == 0


def test_a_login_that_has_ended_says_what_to_do(person: Person) -> None:
    person.age(refresh_token=GARBAGE)

    result = person.iotctl("devices", "list")

    assert result.returncode == 6
    assert result.stderr == (
        "error: you are not logged in to lab, or your login has ended: iotctl login\n"
    )


def test_who_logs_out_is_out(person: Person) -> None:
    kept = person.login

    assert person.iotctl("logout").returncode == 0

    assert person.iotctl("whoami").returncode == 6
    with changing_contexts(person.file) as contexts:
        contexts.log_in("lab", kept)
    assert person.iotctl("whoami").returncode == 6


def test_a_user_is_made_and_changed_and_may_no_more_than_they_are(person: Person) -> None:
    password = person.iotctl("users", "create", "anna", "--role", "viewer").stdout
    person.iotctl("login", "--user", "anna", "--password-stdin", stdin=password)

    refused = person.iotctl("users", "list")

    assert refused.returncode == 6
    assert refused.stderr == "error: user:anna may not do this: it needs users:manage\n"


def test_a_token_is_used_without_a_login(person: Person) -> None:
    token = person.iotctl("tokens", "create", "grafana").stdout.strip()
    url = read_contexts(person.file).find("lab").url
    person.iotctl("context", "add", "by-token", url, "--token", token)

    shown = person.iotctl("--context", "by-token", "whoami")

    assert "token:grafana" in shown.stdout
    assert "grafana" in person.iotctl("tokens", "list").stdout
