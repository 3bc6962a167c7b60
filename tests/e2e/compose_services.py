"""Runs services of compose.yaml as processes: their commands, environments and secrets.

What a container engine does besides is done by hand: host names become loopback, ports free ones,
and `/run/secrets` a folder.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from weir.embedded.ports import free_ports
from weir.paths import ROOT
from weir.testing.addresses import BrokerAddress
from weir.testing.databases import PASSWORDS

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
#: As `deploy/make-secrets` and compose.yaml spell addresses.
RABBITMQ_PORTS = ("5672", "5552", "15672", "1883")
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - replaced, never listened on
TASK_TIMEOUT_S = 120.0


@dataclass
class Running:
    """A service as a process, and what its health check needs to know."""

    name: str
    process: subprocess.Popen[bytes]
    environ: dict[str, str]
    log: Path

    def problem(self) -> str:
        """Ask as the engine would; nothing: it is healthy."""
        assert self.process.poll() is None, f"{self.name}: {self.log.read_text()}"
        _, _, *command = COMPOSE["services"][self.name]["healthcheck"]["test"]
        done = subprocess.run(
            [sys.executable, *command],
            env=self.environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stderr if done.returncode else ""


class ComposeHost:
    """What stands in for an engine: addresses, secrets and processes of one installation."""

    def __init__(self, folder: Path, broker: BrokerAddress, database_url: str) -> None:
        self.secrets = folder / "secrets"
        self.folder = folder
        self._hosts = dict(
            zip(
                (f"rabbitmq:{port}" for port in RABBITMQ_PORTS),
                (
                    urlsplit(url).netloc.rpartition("@")[2]
                    for url in (
                        broker.amqp_url,
                        broker.stream_url,
                        broker.management_url,
                        broker.mqtt_url,
                    )
                ),
                strict=True,
            )
        )
        self._database_url = urlsplit(database_url)
        make = [ROOT / "deploy" / "make-secrets", self.secrets]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
        for path in self.secrets.glob("*-url"):
            path.write_text(self._here(path.read_text()))

    def run(self, name: str) -> str:
        """Let a service do its work to the end; gives what it said."""
        done = subprocess.run(
            self._command(name),
            env=self._environ(name),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TASK_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}"
        return done.stdout

    def start(self, name: str) -> Running:
        """Start a service that lasts; the caller ends its process."""
        log = self.folder / f"{name}.log"
        environ = self._environ(name)
        with log.open("wb") as file:
            process = subprocess.Popen(
                self._command(name), env=environ, cwd=self.folder, stdout=file, stderr=file
            )
        return Running(name, process, environ, log)

    def _command(self, name: str) -> list[str]:
        return [sys.executable, "-m", "weir", *COMPOSE["services"][name]["command"]]

    def _environ(self, name: str) -> dict[str, str]:
        metrics_port, gateway_port = free_ports(2)
        there: dict[str, str] = COMPOSE["services"][name]["environment"]
        here = {key: self._here(value) for key, value in there.items()}
        for key, port in (("WEIR_METRICS_PORT", metrics_port), ("WEIR_GATEWAY_PORT", gateway_port)):
            if key in here:
                here[key] = str(port)
        return {"PATH": os.defpath, "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), **here}

    def _here(self, text: str) -> str:
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        text = text.replace("/run/secrets/", f"{self.secrets}/").replace(EVERY_ADDRESS, "127.0.0.1")
        text = text.replace("/var/lib/weir/", f"{self.folder}/")
        text = re.sub("rabbitmq:[0-9]+", lambda match: self._hosts[match[0]], text)
        return self._here_in_postgres(text) if "@postgres:5432" in text else text

    def _here_in_postgres(self, url: str) -> str:
        """Keep the role; a server of the tests has given it a password already."""
        role = urlsplit(url).username
        here = self._database_url
        if role == "postgres":
            return here.geturl()
        login = f"{role}:{PASSWORDS[role]}@{here.hostname}:{here.port}"  # type: ignore[index]  # by its value
        return here._replace(netloc=login).geturl()
